"""Prodigy (Mishchenko and Defazio 2023, arXiv:2306.06101): AdamW that finds its own learning rate.

Written here because the search must neither wait for the device at every weight nor keep numbers outside of tensors: what
it found, d, lies on the device beside the moments, so that a checkpoint holds all of it and a step costs no round trip.
Groups may have rates of their own: each scales the steps of its group, and the search weighs them alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor


class Prodigy(torch.optim.Optimizer):
    """`lr` of a group multiplies what is found; 1 is the usual one."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        d0: float = 1e-6,
        d_coef: float = 1.0,
        growth_rate: float = math.inf,
        use_bias_correction: bool = True,
        safeguard_warmup: bool = True,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self._betas, self._eps, self._d0, self._d_coef = betas, eps, d0, d_coef
        self._growth, self._corrects, self._safeguards = growth_rate, use_bias_correction, safeguard_warmup

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step for every weight that has a gradient."""
        assert closure is None
        first, second = self._betas
        third = math.sqrt(second)
        todo = [(group, p) for group in self.param_groups for p in group["params"] if p.grad is not None]
        if not todo:
            return None
        search = self._search(todo[0][1].device)
        d = search["d"].clone()
        search["step"] += 1
        factor = self._correction(search["step"])
        rate = max(float(group["lr"]) for group in self.param_groups)
        towards, length = torch.zeros_like(d), torch.zeros_like(d)
        for group, p in todo:
            state = self._moments(p)
            if group["lr"] <= 0:
                continue
            # The search sees every group at the same rate: d is one number for all of them.
            scale = d / self._d0 * (d if self._safeguards else d * rate * factor)
            towards += d / self._d0 * d * rate * factor * torch.dot(p.grad.flatten(), (state["start"] - p).flatten())
            state["exp_avg"].mul_(first).add_(p.grad * (d * (1 - first)))
            state["exp_avg_sq"].mul_(second).add_(p.grad.square() * (d * d * (1 - second)))
            state["s"].mul_(third).add_(p.grad * scale)
            length += state["s"].abs().sum()
        search["numerator"].mul_(third).add_(towards)
        found = torch.where(length > 0, self._d_coef * search["numerator"] / length.clamp(min=1e-30), d)
        d = torch.where(d == self._d0, torch.maximum(d, found), d)
        search["d_max"].copy_(torch.maximum(search["d_max"], found))
        before = search["d"].clone()
        search["d"].copy_(torch.minimum(search["d_max"], d * self._growth))
        for group, p in todo:
            if group["lr"] <= 0:
                continue
            state = self.state[p]
            step = before * group["lr"] * factor
            p.mul_(1 - step * group["weight_decay"])
            p.sub_(step * state["exp_avg"] / (state["exp_avg_sq"].sqrt() + search["d"] * self._eps))
        return None

    def found(self) -> float:
        """The rate it has found so far; waits for the device."""
        return float(self._search(self.param_groups[0]["params"][0].device)["d"])

    def _correction(self, step: Tensor) -> Tensor:
        if not self._corrects:
            return torch.ones_like(step)
        first, second = self._betas
        return (1 - second**step).sqrt() / (1 - first**step)

    def _search(self, device: torch.device) -> dict[str, Tensor]:
        """What is common to all weights, kept with the first of them."""
        state = self.state[self.param_groups[0]["params"][0]]
        if "d" not in state:
            starts = {"d": self._d0, "d_max": self._d0, "numerator": 0.0, "step": 0.0}
            exact = torch.float32 if device.type == "mps" else torch.float64
            state |= {name: torch.tensor(value, dtype=exact, device=device) for name, value in starts.items()}
        return {name: state[name] for name in ("d", "d_max", "numerator", "step")}

    def _moments(self, p: Tensor) -> dict[str, Tensor]:
        state = self.state[p]
        if "exp_avg" not in state:
            state |= {name: torch.zeros_like(p) for name in ("exp_avg", "exp_avg_sq", "s")}
            state["start"] = p.detach().clone()
        return state
