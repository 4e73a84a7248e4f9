"""The folder that a command writes into."""

from __future__ import annotations

import os
from pathlib import Path

from bot.errors import UserError


def make_out(out: Path) -> None:
    """Make `out` where it is missing; UserError when nothing can be written there."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: name a folder to write into.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{out} cannot be made ({error.strerror}): name a folder that this user may write into."
        ) from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise UserError(f"{out} cannot be written to: name a folder that this user may write into.")
