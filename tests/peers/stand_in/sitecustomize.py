"""Read by Python as it starts: whoever asks whether torchvision is there is told no, and whoever imports it gets the stand-in.

Libraries ask first and then want all of it; the trainers' scripts import a few transforms without asking.
"""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec

_found = importlib.util.find_spec


def _without_torchvision(name: str, package: str | None = None) -> ModuleSpec | None:
    return None if name == "torchvision" else _found(name, package)


importlib.util.find_spec = _without_torchvision
