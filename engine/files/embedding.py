"""Learned words (textual inversion) as a file: vectors that a prompt's word stands for, one set for each text encoder.

A1111, SD 1.x   {"emb_params": (n, 768)}
A1111, SDXL     {"clip_l": (n, 768), "clip_g": (n, 1280)}
diffusers       {"<word>": (n, 768) or (768,)}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from engine.errors import BadInput
from engine.families.sites import ENCODERS, Part
from engine.files import header, tensors

WHAT = "embedding"
NOT_OURS = f"This {WHAT} cannot be used: "
MAX_BYTES = 32 * 2**20
MAX_VECTORS = 75
"""More than this has no room in a prompt."""
ONE = "emb_params"
SEVERAL: dict[Part, str] = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}
KNOWN = frozenset({ONE, *SEVERAL.values()})

Vectors = Mapping[Part, torch.Tensor]
"""(n, width) for each text encoder, as many for the one as for the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    vectors: Vectors
    """float32, on the CPU."""
    metadata: dict[str, str]
    word: str | None
    """The word the file itself names, where it does."""


def write(vectors: Vectors, metadata: Mapping[str, str]) -> bytes:
    """The file that web UIs load under its file name. Full precision: a vector is small, and a prompt is made of few."""
    return tensors.encode(named(vectors), metadata, hashed=True)


def named(vectors: Vectors) -> dict[str, torch.Tensor]:
    """The tensors of A1111's file."""
    plain: dict[Part, torch.Tensor] = {part: vectors[part].detach().to("cpu", torch.float32) for part in vectors}
    if set(plain) == {"text_encoder"}:
        return {ONE: plain["text_encoder"]}
    return {SEVERAL[part]: plain[part] for part in plain}


def read(data: bytes, widths: Sequence[int]) -> Embedding:
    """The vectors for text encoders of these widths; BadInput with one sentence where the file is not for them."""
    head = header.of_bytes(data, WHAT, MAX_BYTES)
    names = head.names
    if not names or len(names) > 2 or (len(names) == 2 and names != frozenset(SEVERAL.values())):
        raise BadInput(NOT_OURS + "it holds other things than the vectors of one word. Take a textual-inversion file.")
    found = _several(data, head) if len(names) == 2 else _one(data, head)
    if len(found) != len(widths):
        there, here = ("two text encoders", "one") if len(found) == 2 else ("one text encoder", "two")
        raise BadInput(
            NOT_OURS + f"it was made for a base with {there}, and this one has {here}. Take one for its family."
        )
    counts = {tensor.shape[0] for tensor in found.values()}
    if len(counts) != 1:
        raise BadInput(
            NOT_OURS + "it has not as many vectors for the one text encoder as for the other. Export it again."
        )
    if max(counts) > MAX_VECTORS:
        raise BadInput(
            NOT_OURS + f"it has {max(counts)} vectors, and a prompt has room for {MAX_VECTORS}. Take a shorter one."
        )
    for part, width in zip(ENCODERS, widths, strict=False):
        if found[part].shape[1] != width:
            raise BadInput(
                NOT_OURS + f"its vectors have {found[part].shape[1]} values, and this base's have {width}. "
                "Take one that was trained for its family."
            )
    (first, *_) = names
    word = first if len(names) == 1 and first not in KNOWN else head.metadata.get("modelspec.trigger_phrase")
    return Embedding(found, head.metadata, word or None)


def _several(data: bytes, head: header.Header) -> dict[Part, torch.Tensor]:
    decoded = tensors.decode(data, head, WHAT)
    return {part: _rows(decoded[name]) for part, name in SEVERAL.items()}


def _one(data: bytes, head: header.Header) -> dict[Part, torch.Tensor]:
    (tensor,) = tensors.decode(data, head, WHAT).values()
    return {"text_encoder": _rows(tensor)}


def _rows(tensor: torch.Tensor) -> torch.Tensor:
    rows = tensor.float()
    if rows.dim() == 1:
        rows = rows[None]
    if rows.dim() != 2:
        raise BadInput(NOT_OURS + "it holds no rows of numbers. Take a textual-inversion file.")
    return rows
