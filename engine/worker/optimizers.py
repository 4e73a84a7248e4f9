"""The optimizers a recipe can name, and their state as plain tensors for a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.recipes.options import OPTIMIZERS
from engine.recipes.recipe import Optimizer, Recipe
from engine.worker.prodigy import Prodigy

Group = dict[str, Any]
"""As torch takes them: {"params": [...], "lr": rate}."""


def optimizer_for(recipe: Recipe, groups: Sequence[Group], device: torch.device) -> torch.optim.Optimizer:
    """The recipe's optimizer over `groups`. BadInput, in one sentence, where this machine has no such one."""
    options: dict[str, Any] = {name: option.default for name, option in OPTIMIZERS[recipe.optimizer].items()}
    options |= recipe.optimizer_args
    decay = recipe.weight_decay
    match recipe.optimizer:
        case Optimizer.ADAMW:
            return torch.optim.AdamW(groups, weight_decay=decay, fused=device.type == "cuda", **options)
        case Optimizer.ADAMW_8BIT:
            return (
                _eight_bit()(groups, weight_decay=decay, **options) if device.type == "cuda" else _refuse_8bit(device)
            )
        case Optimizer.PRODIGY:
            return Prodigy(groups, weight_decay=decay, **options)
        case Optimizer.ADAFACTOR:
            from transformers.optimization import Adafactor

            options["beta1"] = options["beta1"] or None
            fixed = {"scale_parameter": False, "relative_step": False, "warmup_init": False}
            return Adafactor(groups, lr=1.0, weight_decay=decay, **options, **fixed)


def state(optimizer: torch.optim.Optimizer, parameters: Sequence[Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Everything the optimizer remembers of `parameters`: flat tensors on the CPU by name, and JSON values beside them.

    One tensor for each name and type ("exp_avg torch.float32"), however many weights there are; the JSON says whose.
    """
    rows: dict[str, list[Tensor]] = {}
    places: dict[str, list[list[Any]]] = {}
    plain: list[list[Any]] = []
    for index, parameter in enumerate(parameters):
        for name, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                key = f"{name} {value.dtype}"
                rows.setdefault(key, []).append(value.detach().reshape(-1))
                places.setdefault(key, []).append([index, name, list(value.shape), value.device.type == "cpu"])
            else:
                plain.append([index, name, value])
    # One copy from the device for each name: copying every small tensor by itself would wait for it every time.
    return {key: torch.cat(row).cpu() for key, row in rows.items()}, {"places": places, "plain": plain}


def restore(
    optimizer: torch.optim.Optimizer, parameters: Sequence[Tensor], tensors: dict[str, Tensor], facts: dict[str, Any]
) -> None:
    """Put back what `state` gave, to the bit."""
    optimizer.state.clear()
    for key, places in facts["places"].items():
        sizes = [torch.Size(shape).numel() for _, _, shape, _ in places]
        for (index, name, shape, on_cpu), part in zip(places, tensors[key].split(sizes), strict=True):
            parameter = parameters[index]
            place = torch.device("cpu") if on_cpu else parameter.device
            optimizer.state[parameter][name] = part.view(shape).clone().to(place)
    for index, name, value in facts["plain"]:
        optimizer.state[parameters[index]][name] = value


def _eight_bit() -> Any:
    try:
        from bitsandbytes.optim import AdamW8bit  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise BadInput(
            "AdamW8bit needs the package bitsandbytes, which is not installed here. Install it, or take optimizer_type = "
            '"AdamW": the same steps, with more memory.'
        ) from error
    return AdamW8bit


def _refuse_8bit(device: torch.device) -> torch.optim.Optimizer:
    raise BadInput(
        f'AdamW8bit runs on NVIDIA cards only, and this is "{device.type}". Take optimizer_type = "AdamW": the same steps, '
        "with more memory."
    )
