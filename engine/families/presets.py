"""Recipes nobody has to explain: quick, balanced, thorough, for every subject and number of photos.

Length is counted in exposures, so that an epoch means the same whatever the number of photos. Where a number comes
from stands beside it; "trainers" is what kohya-colab, Civitai and OneTrainer give people by default.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.families.bases import MINIATURE
from engine.families.spec import family
from engine.protocol import BaseModelRef, Recipe, SubjectKind

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


def recipe_for(preset: str, base: BaseModelRef, subject_kind: SubjectKind, photo_count: int) -> Recipe:
    """The recipe of `preset` ("quick", "balanced", "thorough") on `base`. Raises KeyError for any other name."""
    pace = PACES[preset]
    if base.source == MINIATURE:
        return _miniature(preset, pace, subject_kind, photo_count)
    return _sd15(preset, pace, base, subject_kind, photo_count)


def _sd15(preset: str, pace: Pace, base: BaseModelRef, kind: SubjectKind, photos: int) -> Recipe:
    is_style = kind is SubjectKind.STYLE
    # 2,000-2,500 exposures for 10 to 30 photos, up to 3,500 at 50; fewer than ten cannot bear as many.
    exposures = max(1200, min(3500, 1500 + 40 * photos))
    return Recipe(
        preset=preset,
        rank=pace.rank,
        # Half the rank: with the rates below lr x alpha / rank is 2.5e-4, where trainers converge.
        alpha=pace.rank / 2,
        unet_lr=5e-4,
        # A fifth of the UNet's. A style lives in the strokes, not in what words mean: its text encoder stays as it is.
        text_encoder_lr=0.0 if is_style else 1e-4,
        batch_size=4,
        exposures=round(exposures * pace.share),
        epochs=pace.epochs,
        resolution=family(base.family).home_resolution,
        warmup=0.05,
        # One smooth descent. Restarts make neighbouring epochs jump in quality, which spoils a vote over them.
        schedule="cosine",
        min_snr_gamma=5.0,
        noise_offset=0.03,
        caption_dropout=0.05,
        weight_decay=0.01,
        # Faces are not symmetric; everything else gains a second view for free.
        flip=kind not in (SubjectKind.PERSON, SubjectKind.CHARACTER),
    )


def _miniature(preset: str, pace: Pace, kind: SubjectKind, photos: int) -> Recipe:
    """Tuned on twelve portraits of unseen identities, on two cores: what a reader sees of the person stands after 100 steps."""
    return Recipe(
        preset=preset,
        rank=pace.rank,
        # lr x alpha / rank is 2e-3. A network a hundred times smaller bears, and needs, larger steps; with half of it and the
        # text encoder frozen the same number of steps ends seven points of likeness lower.
        alpha=pace.rank,
        unet_lr=2e-3,
        text_encoder_lr=0.0 if kind is SubjectKind.STYLE else 5e-4,
        batch_size=4,
        # Twelve photos: 800, under a minute. Likeness rises until 400 and then only creeps, so the first epochs are
        # visibly weaker than the later ones and there is something to vote on.
        exposures=round(min(1100, 560 + 20 * photos) * pace.share),
        # Two fewer: on two cores the previews of an epoch cost as much as twenty steps.
        epochs=max(4, pace.epochs - 2),
        resolution=64,
        caption_dropout=0.05,
        flip=kind not in (SubjectKind.PERSON, SubjectKind.CHARACTER),
    )
