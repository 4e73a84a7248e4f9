"""How a picture is painted, as the prompt's options say it: sampler, steps, guidance, second pass, fast mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.errors import UserError
from bot.language import say
from bot.studio.prompt import Prompt
from engine import samplers
from engine.families.spec import FamilySpec
from engine.fast import pace
from engine.guidance import PLAIN, LoraGuidance
from engine.shots import Hires

VARY_DENOISE = 0.55
"""Of a variation nobody gave a number for: the same subject in the same place, other details."""
UPSCALE = Hires(upscale=2.0, denoise=0.4)
"""What the Upscale button does."""


@dataclass(frozen=True)
class Usual:
    """What counts where nobody says otherwise."""

    steps: int
    cfg: float
    few_step: str | None = None
    """The machine's LoRA for the fast mode."""
    sampler: str | None = None
    lora_guidance: LoraGuidance = PLAIN


def settings(asked: Prompt, facts: FamilySpec, usual: Usual) -> dict[str, Any]:
    """The fields of a PaintJob. UserError for what does not go together."""
    quick = pace(facts, few_step=usual.few_step is not None) if asked.is_fast else None
    sampler = asked.sampler or (quick.sampler if quick else usual.sampler)
    steps = asked.steps or (quick.steps if quick else usual.steps)
    check_sampler(sampler, steps, facts)
    if asked.denoise is not None and not asked.hires:
        raise UserError(
            say("`--denoise` says how much a second pass changes: give `--hires` with it, or leave it out.")
        )
    hires = None
    if asked.hires and asked.hires > 1:
        hires = Hires(upscale=asked.hires, denoise=Hires().denoise if asked.denoise is None else asked.denoise)
    return {
        "lora_guidance": usual.lora_guidance.but(asked.lora_guidance, asked.lora_start),
        "sampler": sampler,
        "steps": steps,
        "cfg": asked.cfg if asked.cfg is not None else quick.cfg if quick else usual.cfg,
        "clip_skip": (asked.clip_skip or 1) - 1,
        "hires": hires,
        "few_step": usual.few_step if quick else None,
    }


def check_sampler(sampler: str | None, steps: int, facts: FamilySpec) -> None:
    """UserError where a base of this family cannot use it, or not for so many steps."""
    if sampler is None:
        return
    if not samplers.fits(samplers.named(sampler), facts.prediction):
        names = ", ".join(samplers.names(facts.prediction))
        raise UserError(
            say("The sampler {sampler} cannot paint with this base. It has {names}.", sampler=sampler, names=names)
        )
    most = samplers.most_steps(sampler)
    if most is not None and steps > most:
        raise UserError(
            say(
                "The sampler {sampler} walks at most {most} steps, and does best with 4 to 8: write `--steps 6`.",
                sampler=sampler,
                most=most,
            )
        )
