"""The metadata of a LoRA file: an allow-list. Captions, paths, times and people never enter it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase


def about(
    base: LoadedBase, *, trigger: str, rank: int, alpha: float, steps: int, epoch: int, resolution: int
) -> dict[str, str]:
    """What a person needs to use the file, and a web UI to place it."""
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
