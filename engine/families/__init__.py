"""Families of base models: what is true of all of them as frozen data, and a few functions that need torch.

`spec`, `sites` and `bases` load no torch; `loaded` and the module named after a family do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase
    from engine.families.spec import Precision
    from engine.protocol import BaseModelRef


def load(ref: BaseModelRef, device: str = "cpu", precision: Precision | None = None) -> LoadedBase:
    """The base behind `ref`, in memory; BaseUnavailable with a sentence when that cannot be. Torch is imported where it is.

    `precision` is the denoiser's; None: what the device computes well in.
    """
    import importlib

    from engine.families.bases import find
    from engine.families.spec import family

    find(ref)
    module = importlib.import_module(f"engine.families.{family(ref.family).name}")
    if precision is None:
        return module.load(ref, device)
    import torch

    return module.load(ref, device, {"fp32": torch.float32, "bf16": torch.bfloat16}[precision])
