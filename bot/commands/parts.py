"""likeness lora join: the parts of a LoRA that was too large for one message, put together and checked."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from bot.errors import UserError

PART = re.compile(r"(.+\.safetensors)\.part(\d{1,2})")
PROMISED = re.compile(r"^- sha256: ([0-9a-f]{64})$", re.MULTILINE)
MOST_BYTES = 2**30


def joined(part: Path) -> tuple[Path, bytes]:
    """Where the whole file goes, and its bytes. `part`: any of the parts; the others lie beside it.

    UserError where one is missing, or where the page that came with them promises other bytes.
    """
    named = PART.fullmatch(part.name)
    if named is None:
        raise UserError(f"{part.name} is no part of a LoRA: those end in .safetensors.part01, .part02 and so on.")
    whole = part.parent / named[1]
    found = {
        int(one[2]): path
        for path in part.parent.iterdir()
        if (one := PART.fullmatch(path.name)) and one[1] == whole.name
    }
    missing = sorted(set(range(1, max(found, default=0) + 1)) - set(found))
    if not found or missing:
        named_missing = ", ".join(f"{whole.name}.part{n:02}" for n in missing or [1])
        raise UserError(f"{named_missing} is not there: save all parts into {part.parent} first.")
    if sum(path.stat().st_size for path in found.values()) > MOST_BYTES:
        raise UserError(f"The parts of {whole.name} have more than 1 GiB: that is not a LoRA. Name parts of one.")
    data = b"".join(found[number].read_bytes() for number in sorted(found))
    _check(whole, data, len(found))
    return whole, data


def _check(whole: Path, data: bytes, parts: int) -> None:
    """Against the page of facts, where it was saved too."""
    page = whole.with_suffix(".md")
    promised = PROMISED.search(page.read_text(encoding="utf-8")) if page.is_file() else None
    if promised is not None and hashlib.sha256(data).hexdigest() != promised[1]:
        raise UserError(
            f"{parts} parts were joined, and the result is not what {page.name} promises: a part is missing at the end or was "
            "not saved whole. Save them again."
        )
