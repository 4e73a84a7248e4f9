"""A base in memory, and what a family can do with one. Jobs bring adapters and leave the base's own weights as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from engine.families.framing import Framing
from engine.families.sites import Part, Site
from engine.families.spec import FamilySpec
from engine.families.text import Text, Tokens
from engine.protocol import BaseModelRef


class Family(Protocol):
    """What every family module offers: all that training and painting ask of a base. No function changes the base."""

    @staticmethod
    def load(ref: BaseModelRef, device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> LoadedBase:
        """The base behind `ref`; BaseUnavailable when it is not there or cannot be read. Never reaches for the network.

        `dtype` is the denoiser's: None takes float32 on the CPU and bfloat16 elsewhere.
        """
        ...

    @staticmethod
    def pipeline_of(base: LoadedBase) -> Any:
        """A diffusers pipeline around the base's own modules: for diffusers' loaders, no copy."""
        ...

    @staticmethod
    def tokens_of(base: LoadedBase, texts: Sequence[str]) -> Tokens:
        """Token ids on the base's device; what does not fit is cut."""
        ...

    @staticmethod
    def encode_tokens(base: LoadedBase, tokens: Tokens, clip_skip: int = 0) -> Text:
        """Through the text encoders, with whatever adapters are active.

        `clip_skip` leaves out that many last layers, where the family knows that.
        """
        ...

    @staticmethod
    def encode_latents(base: LoadedBase, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) in -1..1 -> mean and spread of the posterior, (N, C, H/f, W/f) each, in the denoiser's scale.

        Both are kept, so that every step can draw its own sample of each picture.
        """
        ...

    @staticmethod
    def decode_latents(base: LoadedBase, latents: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, 3, H, W) in 0..1."""
        ...

    @staticmethod
    def conditions(base: LoadedBase, framings: Sequence[Framing]) -> Tensor | None:
        """(N, K): what the denoiser is told besides text and time, one row a picture; None where that is nothing."""
        ...

    @staticmethod
    def forward(
        base: LoadedBase, noisy: Tensor, timesteps: Tensor, text: Text, conditions: Tensor | None = None
    ) -> Tensor:
        """What the denoiser says, in float32, as `base.prediction` has it: noise, velocity, or for a flow noise - clean.

        `timesteps`: (N,) or a scalar, 0..1000, on whatever scale the base's own scheduler counts them.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LoadedBase:
    """A base with everything a job needs of it. Its modules are in eval mode and no weight of them wants a gradient."""

    family: Family
    spec: FamilySpec
    ref: BaseModelRef
    name: str
    """For metadata; never a path."""
    fingerprint: str
    device: torch.device
    denoiser: Any
    """The UNet or transformer, in the dtype that was asked for."""
    vae: Any
    """Always float32: half precision overflows in some of them, and it runs rarely."""
    encoders: tuple[Any, ...]
    """The text encoders in the family's order; float32 where their adapters can be trained."""
    tokenizers: tuple[Any, ...]
    scheduler_config: dict[str, Any]
    prediction: str
    """ "epsilon", "v_prediction" or "flow"."""
    native: int
    """Pixels of the side it was trained at."""
    factor: int
    """Pixels per latent, along a side."""
    multiple: int
    """Width and height in pixels must divide by this."""
    sites: tuple[Site, ...]
    """Where every LoRA attaches."""
    conv_sites: tuple[Site, ...]
    """Where a LoRA with convolutions attaches besides; empty for a family without."""
    is_empty_zero: bool = False
    """Whether it was taught an empty text as zeros (SDXL's `force_zeros_for_empty_prompt`)."""

    def host(self, part: Part) -> nn.Module:
        if part == "denoiser":
            return self.denoiser
        return self.encoders[0 if part == "text_encoder" else 1]

    def part(self, site: Site) -> nn.Module:
        """The live module at `site`."""
        host = self.host(site.part)
        if site.part != "denoiser" and hasattr(host, "text_model"):
            return host.get_submodule(f"text_model.{site.path}")
        return host.get_submodule(site.path)

    @property
    def hosts(self) -> tuple[nn.Module, ...]:
        """The modules that carry adapters."""
        return self.denoiser, *self.encoders

    @property
    def dtype(self) -> torch.dtype:
        """The denoiser's, read off where the first LoRA attaches: its own answer comes from a walk through all its modules."""
        return cast(Tensor, self.denoiser.get_submodule(self.sites[0].path).weight).dtype
