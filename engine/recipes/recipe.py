"""Everything that decides a training, in one frozen record.

The text below a value says what it does; docs/recipes.md is made from it, so it is written for the person who sets it.
What no single value can say about itself (two that exclude each other) is `conflicts`.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.recipes.options import OPTIMIZERS, Option, Value


class Method(StrEnum):
    LORA = "lora"
    EMBEDDING = "embedding"
    PIVOTAL = "pivotal"


class Targets(StrEnum):
    ATTN = "attn"
    ATTN_MLP = "attn-mlp"
    FULL = "full"


class Optimizer(StrEnum):
    ADAMW = "AdamW"
    ADAMW_8BIT = "AdamW8bit"
    PRODIGY = "Prodigy"
    ADAFACTOR = "Adafactor"


class Schedule(StrEnum):
    CONSTANT = "constant"
    CONSTANT_WITH_WARMUP = "constant_with_warmup"
    LINEAR = "linear"
    COSINE = "cosine"
    COSINE_WITH_RESTARTS = "cosine_with_restarts"
    POLYNOMIAL = "polynomial"


class Prior(StrEnum):
    NONE = "none"
    CLASS_IMAGES = "class_images"
    BASE_ANSWER = "base_answer"


class Recipe(BaseModel):
    """Length is counted in exposures (one image shown once), so that an epoch means the same whatever the number of photos."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    preset: Literal["quick", "balanced", "thorough"] = "balanced"
    """The preset underneath: every key left out keeps its value."""

    # ---- what learns
    method: Method = Method.LORA
    """What is learnt: a `lora`; an `embedding` (learned word vectors, the base untouched); or `pivotal`, both at once."""
    rank: int = Field(default=16, ge=1, le=256)
    """Size of the LoRA: how much it can hold. 8 to 32 do for one subject; more learns backgrounds too."""
    alpha: float = Field(default=16, gt=0, le=1024)
    """What the LoRA is multiplied by, over its rank: the size of an update is rate x alpha / rank."""
    conv_rank: int = Field(default=0, ge=0, le=256)
    """Rank of a LoRA on the 3x3 convolutions too (LoCon): texture and line, for styles. 0: none."""
    conv_alpha: float = Field(default=4, gt=0, le=1024)
    """As network_alpha, for the convolutions."""
    targets: Targets = Targets.FULL
    """Where the LoRA sits: `attn` (attention), `attn-mlp` (and feed-forward), `full` (and the projections in and out)."""
    embedding_vectors: int = Field(default=4, ge=1, le=16)
    """Learned word vectors that the trigger word stands for. Counts for `embedding` and `pivotal`."""
    embedding_init: str = Field(default="", max_length=80)
    """Known words the vectors start from. Empty: the subject's class word."""
    embedding_lr: float = Field(default=5e-3, gt=0, le=1)
    """Rate of the word vectors. With Prodigy as unet_lr: 1, also where it is left out."""
    embedding_share: float = Field(default=0.5, gt=0, le=1)
    """Of a `pivotal` run: the part during which the vectors learn; then they stand still and the LoRA goes on alone."""

    # ---- how fast
    optimizer: Optimizer = Optimizer.ADAMW
    """AdamW; AdamW8bit (same, a quarter of the memory, NVIDIA only); Prodigy (finds the rate itself); Adafactor."""
    optimizer_args: dict[str, Value] = Field(default_factory=dict[str, Value])
    """The optimizer's own options, as a table or as kohya's list of "name=value"."""
    unet_lr: float = Field(default=1e-3, gt=0, le=10)
    """Learning rate of the denoiser's LoRA. With Prodigy: 1, and it is taken as 1 where the key is left out."""
    text_encoder_lr: float = Field(default=0.0, ge=0, le=10)
    """Learning rate of the text encoder's LoRA. 0: it stays frozen and its outputs are computed once."""
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    """Part of every weight, times the rate, that is taken off at each step."""
    schedule: Schedule = Schedule.COSINE
    """How the rates go over the run. Restarts make neighbouring epochs jump in quality, which spoils a vote over them."""
    schedule_cycles: int = Field(default=3, ge=1, le=50)
    """Cosines of `cosine_with_restarts`."""
    schedule_power: float = Field(default=1.0, gt=0, le=10)
    """Exponent of `polynomial`; 1 is `linear`."""
    schedule_floor: float = Field(default=0.1, ge=0, le=1)
    """Where falling schedules end, as a share of the rate: at 0 the last epochs would all be the same."""
    warmup: float = Field(default=0.05, ge=0, le=10_000)
    """Steps in which the rates rise from nothing; below 1: a share of all steps. `constant` has none."""
    max_grad_norm: float = Field(default=1.0, ge=0, le=1000)
    """Longer gradients are cut to this length. 0: never."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Epochs are saved from a running mean of the weights with this decay (0.99: about the last 100 steps). 0: off."""

    # ---- how long
    exposures: int = Field(default=1200, ge=1, le=1_000_000)
    """Images shown in total: steps x batch size x accumulation."""
    repeats: int = Field(default=0, ge=0, le=1000)
    """kohya's way to give the length: with n, exposures = photos x n x epochs. 0: exposures count."""
    epochs: int = Field(default=8, ge=1, le=20)
    """Equal parts of the exposures, each ending with a saved, scored, previewed LoRA. A ballot shows ten at most."""
    batch_size: int = Field(default=4, ge=1, le=64)
    """Images in one pass through the base."""
    accumulation: int = Field(default=1, ge=1, le=64)
    """Passes whose gradients are added up before one step."""
    patience: int = Field(default=0, ge=0, le=20)
    """Stop early when so many epochs in a row did not become more like the subject. 0: go to the end."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Same seed, same machine, same LoRA."""

    # ---- the loss
    min_snr_gamma: float | None = Field(default=5.0, gt=0, le=100)
    """Weighs nearly clean timesteps down to this signal-to-noise ratio (Hang et al. 2023). 0: all weigh the same."""
    debiased: bool = False
    """Weigh timesteps by 1/sqrt(signal-to-noise) instead (Yu et al. 2023): more for the noisy ones."""
    noise_offset: float = Field(default=0.0, ge=0, le=1)
    """Lets pictures become darker and brighter than the base would; 0.03 to 0.1 are usual."""
    masked_loss: bool = False
    """Learn what lies around the face (its box, grown and softened) and less of the rest."""
    unmasked_weight: float = Field(default=0.1, ge=0, le=1)
    """What the rest of the picture weighs against the face under `masked_loss`."""
    masked_prior: float = Field(default=0.0, ge=0, le=100)
    """Under `masked_loss`: how strongly the rest of the picture is held to what the frozen base says of it, so that clothes and
    places go on following the prompt (OneTrainer's masked prior preservation). One more pass through the base a step. 0: not."""
    prior: Prior = Prior.NONE
    """Keeps the class from becoming the subject: `class_images` (DreamBooth: pictures of the class by the base itself are
    trained along) or `base_answer` (no pictures: what the frozen base says to the class prompt is held on to). The trigger word
    has to be told from the class for it: raise text_encoder_lr with it."""
    prior_weight: float = Field(default=1.0, gt=0, le=100)
    """What holding on weighs against learning the subject."""
    prior_share: float = Field(default=1.0, gt=0, le=1)
    """Pictures that hold on to the class, for each that is learnt: 1 is DreamBooth's way and doubles the work."""
    class_images: int = Field(default=24, ge=1, le=1000)
    """Pictures of the class the base paints for `class_images`; kept, sealed, as long as the run's checkpoints."""
    class_prompt: str = Field(default="", max_length=200)
    """The prompt without the subject. Empty: "a photo of CLASS WORD" for class images, and for the base's own answer each
    caption without the trigger word."""

    # ---- the pictures
    resolution: int = Field(default=64, ge=16, le=4096)
    """Pixels along a side, or the area of a bucket as a square of this side."""
    buckets: bool = False
    """Keep each crop's own shape, in buckets of equal area. Photos are never made larger."""
    bucket_step: int = Field(default=64, ge=8, le=512)
    """Sides of buckets divide by this, in pixels."""
    flip: bool = False
    """Show pictures mirrored half the time. Not for faces, which are not symmetric, nor where there is lettering."""
    shuffle_caption: bool = False
    """Show the comma-separated parts of a caption in one of eight orders each time. For tags, not for sentences."""
    keep_tokens: int = Field(default=1, ge=0, le=64)
    """Parts at the beginning that stay in their place; the first is the trigger word's."""
    caption_dropout: float = Field(default=0.05, ge=0, le=1)
    """Part of the exposures shown without caption, so that the subject also answers to weak guidance."""
    clip_skip: int = Field(default=1, ge=1, le=12)
    """Take the text encoder's last layer but (n - 1). 2 for bases trained on anime tags."""

    @property
    def images_per_step(self) -> int:
        return self.batch_size * self.accumulation

    @property
    def held_per_pass(self) -> int:
        """Rows beside a pass's own that hold on to the class: one at the least where there is a prior."""
        return 0 if self.prior is Prior.NONE else math.ceil(self.batch_size * self.prior_share)

    @property
    def steps(self) -> int:
        """Optimizer steps: exposures / images per step rounded up, and never fewer than one per epoch."""
        return max(self.epochs, -(-self.exposures // self.images_per_step))

    def epoch_end(self, epoch: int) -> int:
        """The step after which `epoch` (1-based) ends."""
        return round(self.steps * epoch / self.epochs)

    @property
    def learns_words(self) -> bool:
        return self.method is not Method.LORA

    @model_validator(mode="after")
    def _agrees(self) -> Recipe:
        found = conflicts(self)
        if found:
            raise ValueError(" ".join(sentence for _, sentence in found))
        return self


def conflicts(recipe: Recipe) -> list[tuple[str, str]]:
    """What does not go together: (field, a sentence that says so and what to write), in the record's order."""
    found: list[tuple[str, str]] = []
    found += [("optimizer_args", sentence) for sentence in _wrong_options(recipe)]
    prodigy = recipe.optimizer is Optimizer.PRODIGY
    rates = [("unet_lr", recipe.unet_lr), ("text_encoder_lr", recipe.text_encoder_lr)]
    rates = rates if recipe.method is not Method.EMBEDDING else []
    rates += [("embedding_lr", recipe.embedding_lr)] if recipe.learns_words else []
    for field, rate in rates:
        if prodigy and 0 < rate < 0.1:
            found.append(
                (field, f"{rate:g} is no rate for Prodigy, which finds its own and multiplies it by this; write 1.")
            )
        elif not prodigy and rate > 0.1 and field != "embedding_lr":
            found.append(
                (field, f"{rate:g} would burn everything at once with {recipe.optimizer}; at most 0.1 is taken.")
            )
    if recipe.debiased and recipe.min_snr_gamma is not None:
        sentence = "it and min_snr_gamma both weigh the timesteps; min_snr_gamma = 0 turns the other off."
        found.append(("debiased", sentence))
    return found


def _wrong_options(recipe: Recipe) -> list[str]:
    import difflib

    known: dict[str, Option] = OPTIMIZERS[recipe.optimizer]
    wrong: list[str] = []
    for name, value in recipe.optimizer_args.items():
        option = known.get(name)
        if option is None:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {nearest[0]}?" if nearest else f"it has {', '.join(known)}."
            wrong.append(f"{recipe.optimizer} has no option {name}; {hint}")
        elif (sentence := option.wrong(value)) is not None:
            wrong.append(f"{name} {sentence}")
    return wrong
