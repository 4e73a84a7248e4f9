"""A pipeline of diffusers from a place on this machine, never from the network, and what it was taught to predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from engine.errors import BaseUnavailable
from engine.families import bases
from engine.families.bases import BaseKind, BasePlace
from engine.families.spec import FamilySpec
from engine.protocol import BaseModelRef

PREDICTIONS = ("epsilon", "v_prediction")


def place_of(ref: BaseModelRef) -> BasePlace:
    """Where `ref` lies, with the very weights its record names."""
    place = bases.find(ref)
    bases.verify(ref, place)
    return place


def pipeline(
    place: BasePlace,
    spec: FamilySpec,
    dtype: torch.dtype,
    *,
    layout: Path | None = None,
    tokenizers: Callable[[], Mapping[str, Any]] = dict,
    **plain: Any,
) -> Any:
    """The base as diffusers loads it, weights in `dtype`; BaseUnavailable with a sentence where it cannot be loaded.

    A single checkpoint carries no configuration: one in the family's standard shape gets that of `layout` and the
    `tokenizers`; for any other, a folder with the configs and tokenizers of its diffusers version stands beside it, named
    like the file (`mini.safetensors` and `mini/`). A single file of a transformer is that alone: all else is the folder's.
    """
    import diffusers
    import diffusers.utils.logging
    import transformers.utils.logging

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    kind: Any = getattr(diffusers, spec.pipeline)
    plain |= {"dtype": dtype, "local_files_only": True}
    try:
        if place.kind is not BaseKind.CHECKPOINT:
            return kind.from_pretrained(place.path, use_safetensors=True, variant=place.variant, **plain)
        beside = place.path.with_suffix("")
        if "transformer" in spec.parts:
            transformer: Any = getattr(diffusers, spec.denoiser)
            single = transformer.from_single_file(str(place.path), config=str(beside), subfolder="transformer", **plain)
            return kind.from_pretrained(beside, use_safetensors=True, transformer=single, **plain)
        if (beside / "model_index.json").is_file():
            return kind.from_single_file(str(place.path), config=str(beside), **plain)
        if layout is None:
            raise BaseUnavailable(f"A {spec.title} base comes as a folder in diffusers layout, not as a single file.")
        return kind.from_single_file(str(place.path), config=str(layout), **tokenizers(), **plain)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        hint = (
            f" A checkpoint that is no standard {spec.title} needs its diffusers folder beside it, named like the file."
            if place.kind is BaseKind.CHECKPOINT
            else " Download it again, or name another base."
        )
        raise BaseUnavailable(f"The base model '{place.name}' is there but cannot be loaded.{hint}") from error


def dtype_for(device: torch.device, wanted: torch.dtype | None) -> torch.dtype:
    """A denoiser's own: as asked for, else what the device computes well in."""
    return wanted or (torch.float32 if device.type == "cpu" else torch.bfloat16)


def settle(module: Any, device: torch.device, dtype: torch.dtype) -> None:
    """A frozen module where it is to stay."""
    module.requires_grad_(False).eval().to(device=device, dtype=dtype)


def schedule(ref: BaseModelRef, spec: FamilySpec, given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The base's noise schedule and what its denoiser predicts: by its record, else by its scheduler's config.

    A wrong guess would train noise, so nothing is guessed: where neither says, it is what the family began with.
    """
    config = dict(given)
    if spec.prediction == "flow":
        return config, "flow"
    prediction = ref.prediction or config.get("prediction_type") or spec.prediction
    if prediction not in PREDICTIONS:
        raise BaseUnavailable(
            f"This base predicts '{prediction}', which is not supported: take one that predicts noise or v."
        )
    config["prediction_type"] = prediction
    if ref.zero_snr is not None:
        config["rescale_betas_zero_snr"] = ref.zero_snr
    if config.get("rescale_betas_zero_snr"):
        if prediction == "epsilon":
            raise BaseUnavailable(
                "A base with zero terminal SNR cannot predict noise: at the last step there is nothing else to see. Set "
                'prediction = "v_prediction" in its record, or zero_snr = false.'
            )
        # The last timestep is the point of it, and only this spacing visits it (Lin et al. 2023, section 3.3).
        config["timestep_spacing"] = "trailing"
    return config, prediction
