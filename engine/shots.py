"""What a paint job asks for beside its prompt: LoRAs, a second pass, previews, and what one of its pictures wants otherwise."""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field


class Wanted(Protocol):
    """A paint job."""

    @property
    def prompt(self) -> str: ...

    @property
    def shots(self) -> tuple[Shot, ...]: ...


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoraUse(Part):
    sha256: str
    """A kohya-keyed .safetensors."""
    strength: float = 1.0
    name: str = ""
    """As people call it, for the picture's `parameters`; "": its trigger word."""


class WordUse(Part):
    """A word in the prompts that means learned vectors (textual inversion)."""

    sha256: str
    """A .safetensors embedding of web UIs or diffusers, for a base of this family."""
    word: str = Field(min_length=1, max_length=40)


class Hires(Part):
    """A second pass over the picture at a larger size."""

    upscale: float = Field(default=1.5, gt=1, le=4)
    steps: int | None = Field(default=None, ge=1, le=150)
    """None: as many as the first pass. Of these only the part that `denoise` says is walked."""
    denoise: float = Field(default=0.5, gt=0, le=1)
    upscaler: Literal["latent", "lanczos"] = "lanczos"
    """What is enlarged between the passes: the latents (wants a `denoise` of 0.6 or more), or the painted picture."""


class Previews(Part):
    """Pictures shown while they are painted."""

    tiny_vae: str
    """A folder with an AutoencoderTiny for this family."""
    every: int = Field(default=4, ge=1)
    """Steps between two of them."""


class Shot(Part):
    """What one picture of a job wants differently; None: as the job says."""

    prompt: str | None = None
    negative: str | None = None
    cfg: float | None = Field(default=None, ge=0, le=30)
    loras: tuple[LoraUse, ...] | None = None


def longest(job: Wanted) -> str:
    """The longest of the prompts that its pictures are painted from: what of it is not read tells what is left out."""
    prompts = [job.prompt if shot.prompt is None else shot.prompt for shot in job.shots] or [job.prompt]
    return max(prompts, key=len)
