"""CLIP's tokenizer, rebuilt from its merges alone, for checkpoints that bring none."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

MERGES = Path(__file__).parent / "sd15_layout" / "merges.txt.gz"
END = "<|endoftext|>"


def tokenizer(*, pad: str = END) -> Any:
    """CLIP's: its words are the 256 byte letters, alone and at an end of a word, then the merges, then the two marks.

    `pad`: OpenAI's encoder was taught padding with the end mark, OpenCLIP's with "!".
    """
    from transformers import CLIPTokenizer

    with gzip.open(MERGES, "rt", encoding="utf-8") as stream:
        merges = [(first, second) for first, _, second in (line.rstrip("\n").partition(" ") for line in stream)]
    letters = byte_letters()
    words = [
        *letters,
        *(letter + "</w>" for letter in letters),
        *(a + b for a, b in merges),
        "<|startoftext|>",
        END,
    ]
    vocab = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocab, merges=merges, pad_token=pad, model_max_length=77)  # pyright: ignore[reportArgumentType]


def byte_letters() -> list[str]:
    """The printable stand-ins for the 256 bytes, in GPT-2's and CLIP's order."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in plain] + [chr(256 + index) for index in range(256 - len(plain))]
