"""Tensors to the bytes of a .safetensors file and back.

Written here byte by byte, because a file must be the same bytes whenever the weights are: no timestamps, a sorted header.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import torch

from engine.errors import BadInput
from engine.files import header
from engine.files.header import Header

DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}
NUMBERS = {"F64": torch.float64, "I64": torch.int64, "I32": torch.int32}
"""What a single number, such as an alpha, may be besides."""
NAMES = {dtype: name for name, dtype in DTYPES.items()}
DATA_HASH = "sshs_model_hash"
"""SHA-256 of everything behind the header: the hash by which web UIs and galleries know a LoRA whatever its metadata."""


def decode(data: bytes, head: Header, what: str) -> dict[str, torch.Tensor]:
    """Every tensor of a checked file, by name, on the CPU; BadInput for types that are no weights and for NaN or infinity."""
    found: dict[str, torch.Tensor] = {}
    for entry in head.entries:
        is_number = math.prod(entry.shape) == 1
        kind = DTYPES.get(entry.dtype) or (NUMBERS.get(entry.dtype) if is_number else None)
        if kind is None:
            raise BadInput(
                f"This {what} cannot be used: its weights are in a format that is not supported ({entry.dtype}). "
                "Save it in fp16, bf16 or fp32."
            )
        if entry.begin == entry.end:
            raise BadInput(f"This {what} cannot be used: one of its tensors is empty. Download or export it again.")
        tensor = torch.frombuffer(bytearray(data[entry.begin : entry.end]), dtype=kind).reshape(entry.shape)
        if not bool(torch.isfinite(tensor).all()):
            raise BadInput(
                f"This {what} cannot be used: its weights are no numbers any more; the training it came from ran away. "
                "Take an earlier epoch of it."
            )
        found[entry.name] = tensor if entry.dtype in DTYPES else tensor.float()
    return found


def encode(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str], *, hashed: bool = False) -> bytes:
    """The file. Equal input gives equal bytes; `hashed` adds the hash of the weights to the metadata."""
    kinds = {name: NAMES[tensor.dtype] for name, tensor in tensors.items()}
    # Wide types first keeps every tensor aligned.
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    pieces = [_bytes(tensors[name]) for name in order]
    notes = dict(metadata)
    if hashed:
        notes[DATA_HASH] = _hash(pieces)
    described: dict[str, Any] = {}
    place = 0
    for name, piece in zip(order, pieces, strict=True):
        shape = list(tensors[name].shape)
        described[name] = {"dtype": kinds[name], "shape": shape, "data_offsets": [place, place + len(piece)]}
        place += len(piece)
    return b"".join([header.encode(described, notes), *pieces])


def data_hash(data: bytes, head: Header) -> str:
    """SHA-256 of the weights of a checked file, as 64 hex digits."""
    return hashlib.sha256(memoryview(data)[head.start :]).hexdigest()


def _bytes(tensor: torch.Tensor) -> bytes:
    plain = tensor.detach().to("cpu").contiguous()
    return (
        plain.view(torch.uint8).numpy().tobytes()
        if plain.dim()
        else plain.reshape(1).view(torch.uint8).numpy().tobytes()
    )


def _hash(pieces: list[bytes]) -> str:
    hasher = hashlib.sha256()
    for piece in pieces:
        hasher.update(piece)
    return hasher.hexdigest()
