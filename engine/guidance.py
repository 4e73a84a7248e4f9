"""How LoRAs take part in guided pictures: how far what they change is pressed, and from which step on.

Guidance (Ho and Salimans 2022, arXiv:2207.12598) goes from what is said without the prompt towards what is said with it, and past
it; usually both are said with the LoRA. Where the side without the prompt is the bare base's, a tuned base follows prompts
better (Phunyaphibarn et al. 2025, arXiv:2503.20240), and all that a LoRA changes is multiplied by the CFG scale. So its
strength is divided by that scale here, and multiplied by one of its own: the same at any CFG, and no pass more.

The first steps say what is where in a picture, which the base knows better than a LoRA of a few photos: it may come in after
them, as the subject's words do in FastComposer (Xiao et al. 2023, arXiv:2305.10431).
"""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from engine.miniature import MINIATURE


class LoraGuidance(BaseModel):
    """As the other tools do it: `LoraGuidance()`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: float = Field(default=0.0, ge=0, le=30)
    """What a LoRA of strength 1 changes is pressed so far, and the side without the prompt is the bare base's. 0: the LoRA is on
    both sides at its strength."""
    start: float = Field(default=0.0, ge=0, lt=1)
    """The share of the steps, from pure noise on, that are walked without LoRAs."""

    def share(self, cfg: float) -> float:
        """Of their strength, at which LoRAs are met beside the prompt. Never more than all of it: 1 at a CFG up to `scale`."""
        return 1.0 if not self.scale else min(1.0, self.scale / max(cfg, 1.0))

    @property
    def share_without(self) -> float:
        """The same on the side without the prompt."""
        return 0.0 if self.scale else 1.0

    def but(self, scale: float | None, start: float | None) -> Self:
        """With what is given in place of its own."""
        given = {"scale": scale, "start": start}
        return self.model_copy(update={name: value for name, value in given.items() if value is not None})

    @property
    def words(self) -> dict[str, str]:
        """For the settings in a picture."""
        said = {"LoRA guidance": self.scale, "LoRA start": self.start}
        return {name: f"{value:g}" for name, value in said.items() if value}


PLAIN = LoraGuidance()
SUBJECT = LoraGuidance(scale=1.5)
"""More like the subject than `PLAIN` and as good at prompts as the bare base; a later start only cost likeness then:
docs/measurements.md."""


def usual(source: str) -> LoraGuidance:
    """Of the base that `source` names (`BaseModelRef.source`) where nobody says otherwise."""
    return SUBJECT if source == MINIATURE else PLAIN
