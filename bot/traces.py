"""Where an error happened, for the owner's log: types and places, never messages, since those quote prompts and names."""

from __future__ import annotations

import traceback
from collections.abc import Callable


def where(error: BaseException, about: Callable[[BaseException], str] = lambda error: "") -> str:
    """Type and place of an error and of what caused it: no message, no values, no source lines.

    `about`: what may be told of an error beside its type, such as the code Discord answered with.
    """
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        places = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
        parts.append(f"{type(seen).__name__}{about(seen)} at {places or '?'}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "; from ".join(parts)
