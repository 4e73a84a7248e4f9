"""Recipes nobody has to explain: quick, balanced, thorough, for every family, subject and number of photos.

Length is counted in exposures, so that an epoch means the same whatever the number of photos. Where a number comes
from stands beside it; "trainers" is what kohya-colab, Civitai, Replicate and OneTrainer give people by default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.families.bases import MINIATURE
from engine.protocol import BaseModelRef, SubjectKind
from engine.recipes.recipe import Recipe, Schedule

PRESETS = ("quick", "balanced", "thorough")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a preset trains and how much it can hold."""

    share: float
    """Of the family's usual exposures."""
    epochs: int
    """Chances to choose; ten at most, for that is how many number emoji a ballot can seed."""
    rank: int


PACES: dict[str, Pace] = {
    # Half the way is where likeness begins to hold: for trying out whether the photos work at all.
    "quick": Pace(share=0.5, epochs=5, rank=8),
    # What trainers agree on.
    "balanced": Pace(share=1.0, epochs=8, rank=16),
    # Past the usual end on purpose: the ballot picks from before the overfitting, if that comes.
    "thorough": Pace(share=1.6, epochs=10, rank=32),
}

MIRRORED = {SubjectKind.PET, SubjectKind.STYLE}
"""A second view for free. Faces are not symmetric, characters wear their scars on one side, objects carry lettering."""


def recipe_for(preset: str, base: BaseModelRef, subject_kind: SubjectKind, photo_count: int) -> Recipe:
    """The recipe of `preset` ("quick", "balanced", "thorough") on `base`. KeyError for any other name, or family."""
    pace = PACES[preset]
    if base.source == MINIATURE:
        return _miniature(preset, pace, subject_kind, photo_count)
    return FAMILIES[base.family](preset, pace, subject_kind, photo_count)


def _sd15(preset: str, pace: Pace, kind: SubjectKind, photos: int) -> Recipe:
    is_style = kind is SubjectKind.STYLE
    return Recipe.model_validate({
        "preset": preset,
        "rank": pace.rank,
        # Half the rank: with the rate below, rate x alpha / rank is 2.5e-4, where trainers converge.
        "alpha": pace.rank / 2,
        "unet_lr": 5e-4,
        # A fifth of the UNet's. A style lives in the strokes, not in what words mean: its text encoder stays as it is.
        "text_encoder_lr": 0.0 if is_style else 1e-4,
        # 2,000-2,500 for 10 to 30 photos, up to 3,500 at 50; fewer than ten cannot bear as many.
        "exposures": _length(pace, kind, max(1200, min(3500, 1500 + 40 * photos))),
        "epochs": pace.epochs,
        "resolution": 512,
        **_strokes(kind, pace),
        **_diffusion(kind),
    })  # fmt: skip


def _sdxl(preset: str, pace: Pace, kind: SubjectKind, photos: int) -> Recipe:
    return Recipe.model_validate({
        "preset": preset,
        "rank": pace.rank,
        # rate x alpha / rank is 1.5e-4: between sd-scripts' 5e-5, which often "does nothing", and Civitai's 2.5e-4, which
        # needs watching. kohya-colab's value.
        "alpha": pace.rank / 2,
        "unet_lr": 3e-4,
        # Two encoders, one of them large: training them forgets more than it learns, so trainers leave them alone.
        "text_encoder_lr": 0.0,
        # A base that knows more learns from less: kohya-colab shows 1,000, Civitai 2,000.
        "exposures": _length(pace, kind, max(900, min(2500, 1000 + 30 * photos))),
        "epochs": pace.epochs,
        "resolution": 1024,
        **_strokes(kind, pace),
        **_diffusion(kind),
    })  # fmt: skip


def _zimage(preset: str, pace: Pace, kind: SubjectKind, photos: int) -> Recipe:
    return Recipe.model_validate({
        "preset": preset,
        # Twice what the others get: a transformer has no convolutions to carry texture, and trainers settle on 32.
        "rank": 2 * pace.rank,
        # Alpha = rank and 1e-4: what trainers of flow transformers use almost without exception.
        "alpha": 2 * pace.rank,
        "unet_lr": 1e-4,
        # A language model of billions of words stays as it is.
        "text_encoder_lr": 0.0,
        # One picture at a time is what fits beside a base of this size; four make one step.
        "batch_size": 1,
        "accumulation": 4,
        # About 120 a photo, in 1,500 to 3,500.
        "exposures": _length(pace, kind, max(1500, min(3500, 120 * photos))),
        "epochs": pace.epochs,
        "resolution": 1024,
        # Its own draw of moments weighs them already; there is no signal-to-noise table, and no offset to give.
        "min_snr_gamma": None,
        "noise_offset": 0.0,
        "warmup": 0.05,
        "schedule": Schedule.COSINE,
        "caption_dropout": 0.05,
        "weight_decay": 0.01,
        "flip": kind in MIRRORED,
    })  # fmt: skip


def _length(pace: Pace, kind: SubjectKind, usual: int) -> int:
    # One thing with one look needs fewer; more of it is learnt with its table.
    return round(usual * pace.share * (0.75 if kind is SubjectKind.OBJECT else 1.0))


def _strokes(kind: SubjectKind, pace: Pace) -> dict[str, object]:
    """A style is texture and line, which sit in the convolutions: LoCon, half the rank, as kohya-colab has it."""
    return {"conv_rank": pace.rank // 2, "conv_alpha": pace.rank / 4} if kind is SubjectKind.STYLE else {}


def _diffusion(kind: SubjectKind) -> dict[str, object]:
    return {
        # Steadier than one picture at a time, and what a GPU of 8 GB holds at 512 px.
        "batch_size": 4,
        "warmup": 0.05,
        # One smooth descent. Restarts make neighbouring epochs jump in quality, which spoils a vote over them.
        "schedule": Schedule.COSINE,
        # Hang et al. 2023; every trainer's value.
        "min_snr_gamma": 5.0,
        # Civitai's 0.1 darkens everything; none leaves every picture of middling brightness.
        "noise_offset": 0.03,
        "caption_dropout": 0.05,
        "weight_decay": 0.01,
        "flip": kind in MIRRORED,
    }


FAMILIES: dict[str, Callable[[str, Pace, SubjectKind, int], Recipe]] = {
    "sd15": _sd15,
    "sdxl": _sdxl,
    "zimage": _zimage,
}


def _miniature(preset: str, pace: Pace, kind: SubjectKind, photos: int) -> Recipe:
    """Tuned on twelve portraits of unseen identities, on two cores: what a reader sees of the person stands after 100 steps."""
    has_face = kind in (SubjectKind.PERSON, SubjectKind.CHARACTER)
    return Recipe.model_validate({
        "preset": preset,
        "rank": pace.rank,
        # rate x alpha / rank is 2e-3. A network a hundred times smaller bears, and needs, larger steps; with half of it and
        # the text encoder frozen the same number of steps ends seven points of likeness lower.
        "alpha": pace.rank,
        "unet_lr": 2e-3,
        # Eight times this and prior_preservation keep the class apart, for a little likeness: docs/measurements.md.
        "text_encoder_lr": 0.0 if kind is SubjectKind.STYLE else 5e-4,
        "batch_size": 4,
        # Twelve photos: 800, under a minute. Likeness rises until 400 and then only creeps, so the first epochs are
        # visibly weaker than the later ones and there is something to vote on.
        "exposures": round(min(1100, 560 + 20 * photos) * pace.share),
        # Two fewer: on two cores the previews of an epoch cost as much as twenty steps.
        "epochs": max(4, pace.epochs - 2),
        "resolution": 64,
        "caption_dropout": 0.05,
        # A photo teaches its face; around it the base's own answer is held on to. On four people three points more of likeness
        # than without, and prompts kept better: docs/measurements.md. It costs a pass without gradients, a quarter of the time.
        "masked_loss": has_face,
        "unmasked_weight": 0.05,
        "masked_prior": 1.0 if has_face else 0.0,
        "flip": not has_face,
    })  # fmt: skip
