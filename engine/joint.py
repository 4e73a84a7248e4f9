"""How many trainings of one base may run at a time. Torch-free: the worker and whoever sends it jobs ask the same question."""

from __future__ import annotations

ON_AN_ACCELERATOR = 4
"""As many as still fill it better without each going noticeably slower."""


def joint_runs(device: str, wanted: int | None = None) -> int:
    """`wanted` where it is given; else one on a CPU, which a second one would only slow down, or on a device not known yet."""
    if wanted is not None:
        return wanted
    return 1 if device in ("", "cpu") else ON_AN_ACCELERATOR
