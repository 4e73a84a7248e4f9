"""Families of base models: what is true of all of them as frozen data, and a few functions that need torch.

`spec`, `sites` and `bases` load no torch; `loaded` and the module named after a family do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase
    from engine.protocol import BaseModelRef


def load(ref: BaseModelRef, device: str = "cpu") -> LoadedBase:
    """The base behind `ref`, in memory; BaseUnavailable with a sentence when that cannot be. Torch is imported where it is."""
    import importlib

    from engine.families.bases import find
    from engine.families.spec import family

    find(ref)
    return importlib.import_module(f"engine.families.{family(ref.family).name}").load(ref, device)
