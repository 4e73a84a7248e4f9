"""The metadata of the files that leave: an allow-list. Captions, paths, times and people never enter it.

`modelspec.*` is Stability's standard for model metadata (v1.0.0, github.com/Stability-AI/ModelSpec), `ss_*` what web UIs
read because sd-scripts writes it, `likeness.*` our own.
"""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from engine.families.spec import FamilySpec
from engine.files import header

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase
    from engine.files.lora import LoraFile

THUMBNAIL = "modelspec.thumbnail"
THUMBNAIL_PX = 256
THUMBNAIL_QUALITY = 80
KEPT = frozenset(
    {
        "modelspec.title", "modelspec.trigger_phrase", "modelspec.prediction_type", "modelspec.resolution", THUMBNAIL,
        "ss_steps", "ss_epoch", "ss_output_name", "likeness.base", "likeness.base_hash",
    }
)  # fmt: skip
"""What a converted file keeps of its own notes, where we wrote them; of a stranger's only the trigger."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The base that something was learned on."""

    spec: FamilySpec
    name: str
    fingerprint: str
    prediction: str


def origin_of(base: LoadedBase) -> Origin:
    return Origin(base.spec, base.name, base.fingerprint, base.prediction)


def about(
    base: LoadedBase,
    *,
    trigger: str,
    rank: int,
    alpha: float,
    steps: int,
    epoch: int,
    resolution: int,
    conv: tuple[int, float] | None = None,
) -> dict[str, str]:
    """Of a LoRA: what a person needs to use the file, and a web UI to place it. `conv`: rank and alpha of convolutions."""
    origin = origin_of(base)
    found = {
        **_common(origin, trigger, "lora"),
        "modelspec.resolution": f"{resolution}x{resolution}",
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": f"{alpha:g}",
        "ss_steps": str(steps),
        "ss_epoch": str(epoch),
    }
    if conv is not None:
        found["ss_network_args"] = json.dumps({"conv_dim": str(conv[0]), "conv_alpha": f"{conv[1]:g}"})
    return found


def about_word(base: LoadedBase, *, trigger: str, steps: int, epoch: int) -> dict[str, str]:
    """Of an embedding."""
    found = _common(origin_of(base), trigger, "textual-inversion")
    return {**found, "ss_steps": str(steps), "ss_epoch": str(epoch)}


def _common(origin: Origin, trigger: str, kind: str) -> dict[str, str]:
    spec = origin.spec
    found = {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": f"{spec.file_architecture.partition('/')[0]}/{kind}",
        "modelspec.implementation": "diffusers",
        **_named(trigger),
        "ss_base_model_version": spec.file_base_version,
        "likeness.base": origin.name,
        "likeness.base_hash": origin.fingerprint,
    }
    if origin.prediction in ("epsilon", "v_prediction"):
        found["modelspec.prediction_type"] = "v" if origin.prediction == "v_prediction" else "epsilon"
    return found


def _named(trigger: str) -> dict[str, str]:
    return {
        "modelspec.title": trigger,
        "modelspec.trigger_phrase": trigger,
        # A1111's name for the file in a prompt, whatever it is called on disk.
        "ss_output_name": trigger,
        # The one tag by which A1111 offers the trigger word; it was in every picture.
        "ss_tag_frequency": json.dumps({"likeness": {trigger: 1}}),
    }


def converted(file: LoraFile) -> dict[str, str]:
    """Of a LoRA that came from anywhere: what is safe of its own notes, and what its weights say themselves."""
    spec = file.target.spec
    rank, alpha = Counter((len(down), alpha) for down, _, alpha in file.weights.values()).most_common(1)[0][0]
    is_ours = "likeness.base" in file.metadata
    found = {key: text for key, text in file.metadata.items() if is_ours and key in KEPT}
    if file.trigger:
        found |= _named(file.trigger)
    return {
        **found,
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": spec.file_architecture,
        "modelspec.implementation": "diffusers",
        "ss_base_model_version": spec.file_base_version,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": f"{alpha:g}",
    }


def thumbnail(picture: Image.Image) -> str:
    """A small JPEG as data URL, for `modelspec.thumbnail`."""
    small = picture.convert("RGB")
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def with_thumbnail(data: bytes, picture: Image.Image) -> bytes:
    """The same file of ours with a picture in its notes; its weights and their hash stay as they are."""
    return header.with_metadata(data, {THUMBNAIL: thumbnail(picture)})
