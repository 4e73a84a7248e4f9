"""What every training here shares: a budget in minutes, a learning rate that follows it, an average of the weights,
and snapshots that a broken-off training resumes from."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

SNAPSHOT_SECONDS = 120.0


class Session:
    """Counts steps against a time budget; `for step in session.steps()` ends when the minutes are used up."""

    def __init__(
        self, name: str, model: nn.Module, cache: Path, minutes: float, rate: float, decay: float = 0.999
    ) -> None:  # fmt: skip
        self.name, self.model, self.budget, self.rate, self.decay = name, model, minutes * 60, rate, decay
        self.file = cache / f"{name}.session.pt"
        decayed = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
        plain = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": 0.01},
            {"params": plain, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))
        self.average = copy.deepcopy(model).eval().requires_grad_(False)
        self.step, self.used, self.losses = 0, 0.0, 0.0
        if self.file.exists():
            state = torch.load(self.file, weights_only=True)
            model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.used = state["step"], state["used"]

    @property
    def progress(self) -> float:
        return min(1.0, self.used / self.budget)

    def steps(self) -> Iterator[int]:
        """Yields step numbers; sets the rate before each (100 steps of warm-up, then a cosine to 2 %)."""
        saved = last = time.monotonic()
        while self.used < self.budget:
            scale = min(1.0, (self.step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.progress)))
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * scale
            yield self.step
            self.step += 1
            now = time.monotonic()
            self.used += now - last
            last = now
            if now - saved > SNAPSHOT_SECONDS:
                self.save()
                saved = now
        self.save()

    def descend(self, loss: torch.Tensor) -> None:
        """One optimizer step on `loss`, gradients clipped to norm 1, and the weight average moved along."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        keep = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
            for slow, fast in zip(self.average.buffers(), self.model.buffers(), strict=True):
                slow.copy_(fast)
        self.losses += float(loss.detach())
        if self.step % 50 == 49:
            print(
                f"{self.name}: step {self.step + 1}, {self.used / 60:.1f} min, loss {self.losses / 50:.4f}", flush=True
            )
            self.losses = 0.0

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(), "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(), "step": self.step, "used": self.used,
        }  # fmt: skip
        fresh = self.file.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self.file)


def autocast() -> torch.autocast:
    """bfloat16 where the processor has it: 1.7 times as fast on Zen 5, and no worse here."""
    return torch.autocast("cpu", torch.bfloat16)


def to_tensor(pixels: Any) -> torch.Tensor:
    """uint8 (N, H, W, 3) to float (N, 3, H, W) in -1..1."""
    return torch.as_tensor(pixels).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0).contiguous()
