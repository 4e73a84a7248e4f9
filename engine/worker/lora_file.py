"""A LoRA as one .safetensors file with kohya's key names, written and read without trusting either side.

Written here byte by byte (the format is a length, a JSON header and the tensors), because a file must be the same
bytes whenever the weights are: no timestamps, a sorted header. Metadata is an allow-list; captions, paths and people
never enter it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch

from engine.errors import BadInput
from engine.families.loaded import LoadedBase

MAX_BYTES = 2**30
MAX_HEADER = 16 * 2**20
MAX_RANK = 1024
DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}
WIDTH = {"F16": 2, "BF16": 2, "F32": 4}
KEY = re.compile(r"lora_(unet|te|te1)_[a-z0-9_]+\.(lora_down\.weight|lora_up\.weight|alpha)")
NOT_OURS = "This LoRA file cannot be used: "


@dataclass(frozen=True, slots=True, eq=False)
class LoraFile:
    tensors: dict[str, torch.Tensor]
    """By kohya key, in the file's dtype, on the CPU."""
    metadata: dict[str, str]

    @property
    def trigger(self) -> str | None:
        return self.metadata.get("modelspec.trigger_phrase") or None


Weights = Mapping[str, tuple[torch.Tensor, torch.Tensor, float]]
"""By key: down, up and alpha, as `adapters.state` gives them."""


def write(weights: Weights, metadata: Mapping[str, str]) -> bytes:
    """The file: fp16 weights, alpha as it is in fp32. Equal input gives equal bytes."""
    tensors: dict[str, tuple[str, list[int], bytes]] = {}
    for key, (down, up, alpha) in weights.items():
        for name, tensor in (("lora_down.weight", down), ("lora_up.weight", up)):
            half = tensor.to("cpu", torch.float16).contiguous()
            tensors[f"{key}.{name}"] = ("F16", list(half.shape), half.numpy().tobytes())
        tensors[f"{key}.alpha"] = ("F32", [], struct.pack("<f", alpha))
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    place = 0
    # Wide types first keeps every tensor aligned.
    order = sorted(tensors, key=lambda name: (-WIDTH[tensors[name][0]], name))
    for name in order:
        kind, shape, data = tensors[name]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [place, place + len(data)]}
        place += len(data)
    head = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
    head += b" " * (-len(head) % 8)
    return b"".join([struct.pack("<Q", len(head)), head, *(tensors[name][2] for name in order)])


def metadata_of(
    base: LoadedBase, *, trigger: str, rank: int, alpha: float, steps: int, epoch: int, resolution: int
) -> dict[str, str]:
    """The allow-list: what a person needs to use the file and a web UI to place it."""
    number = f"{alpha:g}"
    return {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": base.spec.file_architecture,
        "modelspec.implementation": "likeness",
        "modelspec.title": trigger,
        "modelspec.trigger_phrase": trigger,
        "modelspec.prediction_type": "v" if base.prediction == "v_prediction" else "epsilon",
        "modelspec.resolution": f"{resolution}x{resolution}",
        "ss_base_model_version": base.spec.file_base_version,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": number,
        "ss_steps": str(steps),
        "ss_epoch": str(epoch),
        # The one tag by which A1111 offers the trigger word; it was in every picture.
        "ss_tag_frequency": json.dumps({"likeness": {trigger: 1}}),
        "likeness.base": base.name,
        "likeness.base_hash": base.fingerprint,
    }


def read(data: bytes) -> LoraFile:
    """Checked before anything is built from it; BadInput with one sentence for whoever sent the file."""
    header, start = _header(data)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(
        isinstance(value, str) for value in cast(dict[str, Any], metadata).values()
    ):
        raise BadInput(NOT_OURS + "its metadata is no list of texts.")
    tensors = {name: _tensor(name, entry, data, start) for name, entry in sorted(header.items())}
    if not tensors:
        raise BadInput(NOT_OURS + "it holds no weights.")
    _complete(tensors)
    return LoraFile(tensors, cast(dict[str, str], metadata))


def check_fit(file: LoraFile, base: LoadedBase) -> None:
    """Every module of the file is one of the base's sites and has its shape; BadInput when it is not."""
    sites = {site.key: site for site in base.sites}
    for name, down in file.tensors.items():
        stem, _, kind = name.partition(".")
        if kind != "lora_down.weight":
            continue
        site = sites.get(stem.replace("lora_te1_", "lora_te_", 1))
        if site is None:
            raise BadInput(
                f"This LoRA file does not fit {base.name}: it changes parts that {base.spec.title} does not have or that are not "
                "supported here. Take one that was trained for this family."
            )
        layer = base.part(site)
        weight = cast(torch.Tensor, getattr(layer, "base_layer", layer).weight)
        up = file.tensors[f"{stem}.lora_up.weight"]
        if down.shape[1] != weight.shape[1] or up.shape[0] != weight.shape[0]:
            raise BadInput(f"This LoRA file does not fit {base.name}: it was made for a base of another size.")


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    if len(data) > MAX_BYTES:
        raise BadInput(NOT_OURS + f"it is larger than {MAX_BYTES // 2**20} MiB.")
    size = int.from_bytes(data[:8], "little")
    if len(data) < 10 or not 2 <= size <= min(MAX_HEADER, len(data) - 8):
        raise BadInput(NOT_OURS + "it is no .safetensors file, or it broke off.")
    try:
        header: Any = json.loads(data[8 : 8 + size])
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise BadInput(NOT_OURS + "it is no .safetensors file, or it broke off.")
    return cast(dict[str, Any], header), 8 + size


def _tensor(name: str, entry: Any, data: bytes, start: int) -> torch.Tensor:
    if not KEY.fullmatch(name):
        raise BadInput(
            NOT_OURS
            + "it is no LoRA with kohya's names for this family (DoRA, LoHa, LoKr and SDXL ones are not supported)."
        )
    try:
        kind, shape, (begin, end) = entry["dtype"], [int(side) for side in entry["shape"]], entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise BadInput(NOT_OURS + "its header is broken.") from None
    if not isinstance(kind, str) or kind not in DTYPES:
        raise BadInput(NOT_OURS + "its weights are in a format that is not supported (fp16, bf16 and fp32 are).")
    count = 1
    for side in shape:
        count *= side
    fits = isinstance(begin, int) and isinstance(end, int) and 0 <= begin <= end <= len(data) - start
    if not fits or min(shape, default=1) < 1 or len(shape) > 4 or count * WIDTH[kind] != end - begin:
        raise BadInput(NOT_OURS + "its header is broken.")
    tensor = torch.frombuffer(bytearray(data[start + begin : start + end]), dtype=DTYPES[kind]).reshape(shape)
    if not bool(torch.isfinite(tensor).all()):
        raise BadInput(NOT_OURS + "its weights are no numbers any more; the training it came from ran away.")
    return tensor


def _complete(tensors: Mapping[str, torch.Tensor]) -> None:
    for stem in {name.partition(".")[0] for name in tensors}:
        down, up = tensors.get(f"{stem}.lora_down.weight"), tensors.get(f"{stem}.lora_up.weight")
        if down is None or up is None:
            raise BadInput(NOT_OURS + "half of one of its modules is missing.")
        if (
            down.dim() not in (2, 4)
            or up.dim() != down.dim()
            or up.shape[1] != down.shape[0]
            or down.shape[0] > MAX_RANK
        ):
            raise BadInput(NOT_OURS + "the halves of one of its modules do not fit together.")
        alpha = tensors.get(f"{stem}.alpha")
        if alpha is not None and alpha.numel() != 1:
            raise BadInput(NOT_OURS + "its header is broken.")
