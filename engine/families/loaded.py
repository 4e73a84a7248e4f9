"""A base in memory. Frozen: jobs bring adapters and leave the base's own weights as they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engine.families.sites import Site
from engine.families.spec import FamilySpec
from engine.protocol import BaseModelRef


@dataclass(frozen=True, slots=True, eq=False)
class LoadedBase:
    """A base with everything a job needs of it. Its modules are in eval mode and no weight of them wants a gradient."""

    spec: FamilySpec
    ref: BaseModelRef
    name: str
    """For metadata; never a path."""
    fingerprint: str
    device: torch.device
    unet: Any
    vae: Any
    """Always float32: half precision overflows in some of them, and it runs rarely."""
    text_encoder: Any
    """Always float32: small, and its adapters train in place."""
    tokenizer: Any
    scheduler_config: dict[str, Any]
    prediction: str
    """ "epsilon" or "v_prediction"."""
    native: int
    """Pixels of the side it was trained at."""
    factor: int
    """Pixels per latent, along a side."""
    sites: tuple[Site, ...]

    def part(self, site: Site) -> nn.Module:
        """The live module at `site`."""
        if site.part == "unet":
            return self.unet.get_submodule(site.path)
        text: nn.Module = self.text_encoder
        return text.get_submodule(f"text_model.{site.path}" if hasattr(text, "text_model") else site.path)

    @property
    def hosts(self) -> tuple[nn.Module, ...]:
        """The modules that carry adapters."""
        return self.unet, self.text_encoder

    @property
    def dtype(self) -> torch.dtype:
        return self.unet.dtype
