"""The demo: the real bot inside an in-process Discord, playing the story of a birthday present.

Needs the extra `demo`; `bot.demo.show` is imported when it is asked for.
"""

from __future__ import annotations

from pathlib import Path


async def run_demo(out: Path, *, seed: int = 7, preset: str = "balanced") -> None:
    """Play it from photos to pictures and leave everything in `out`. Raises UserError when it does not work out."""
    from bot.demo.show import show

    await show(out, seed=seed, preset=preset)
