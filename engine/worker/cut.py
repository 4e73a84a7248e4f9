"""What of a prompt is over the text encoders' length, in the words of whoever wrote it."""

from __future__ import annotations

from typing import Any

from engine.families.loaded import LoadedBase


def cut(base: LoadedBase, text: str) -> str:
    """The end of `text` that no encoder, or not every one, gets to read, from the beginning of a word; "" where all fits."""
    starts = [start for tokenizer in base.tokenizers if (start := _over(base, tokenizer, text)) is not None]
    if not starts:
        return ""
    start = min(starts)
    if start and not text[start].isspace():
        start = max(text.rfind(" ", 0, start), text.rfind("\n", 0, start)) + 1
    return text[start:].strip()


def _over(base: LoadedBase, tokenizer: Any, text: str) -> int | None:
    """Where in `text` the first token stands that is one too many."""
    told = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    room = base.spec.words.length - _around(base, tokenizer)
    return None if len(told.input_ids) <= room else int(told.offset_mapping[room][0])


def _around(base: LoadedBase, tokenizer: Any) -> int:
    """Tokens that stand around every prompt: marks of its start and end, or a whole frame for a chat model."""
    mask = base.family.tokens_of(base, [""]).mask
    return len(tokenizer("").input_ids) if mask is None else int(mask.sum())
