"""The options that each optimizer has of its own: what they may be, what counts when they are left out, what they do."""

from __future__ import annotations

import math
from dataclasses import dataclass

Value = bool | float | tuple[float, float]


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `low` and `high` bound a number, or both numbers of a pair."""

    default: Value
    effect: str
    low: float = 0.0
    high: float = float("inf")

    def wrong(self, value: Value) -> str | None:
        """What is wrong with `value`, as the end of a sentence that names the option; None: nothing."""
        if isinstance(self.default, bool):
            return None if isinstance(value, bool) else f"is {value!r}; it is true or false."
        pair = isinstance(self.default, tuple)
        numbers: tuple[float, ...] = value if isinstance(value, tuple) else (value,)
        if len(numbers) != (2 if pair else 1) or not all(_is_number(n) for n in numbers):
            return f"is {_shown(value)}; it is {'two numbers' if pair else 'a number'}, for example {_shown(self.default)}."
        outside = [n for n in numbers if not self.low <= n <= self.high]
        if not outside:
            return None
        nearest = min(max(outside[0], self.low), self.high)
        return f"is {_shown(value)}; {self.low:g} to {self.high:g} are allowed, the nearest is {nearest:g}."


_BETAS = Option((0.9, 0.999), "memory of the gradient's mean and of its square", high=0.999999)
_EPS = Option(1e-8, "added below the fraction, against division by nothing", high=1e-2)

OPTIMIZERS: dict[str, dict[str, Option]] = {
    "AdamW": {"betas": _BETAS, "eps": _EPS},
    "AdamW8bit": {"betas": _BETAS, "eps": _EPS},
    # Mishchenko, Defazio 2023, arXiv:2306.06101. The bias correction is on because warm-up and short runs are the rule here.
    "Prodigy": {
        "betas": _BETAS,
        "eps": _EPS,
        "d0": Option(1e-6, "the rate it starts to search from", low=1e-12, high=1.0),
        "d_coef": Option(
            1.0, "what the found rate is multiplied by: the way to make it bolder or tamer", low=0.01, high=100.0
        ),
        "growth_rate": Option(float("inf"), "most that the found rate may grow by in one step, as a factor", low=1.0),
        "use_bias_correction": Option(True, "Adam's correction of the first steps"),
        "safeguard_warmup": Option(True, "leaves the warm-up out of the search for the rate"),
    },
    # Shazeer, Stern 2018, arXiv:1804.04235, with a rate that is given: LoRA weights that start at zero have no scale to follow.
    "Adafactor": {
        "clip_threshold": Option(1.0, "updates whose mean size is above this are scaled down", low=1e-3, high=1000.0),
        "decay_rate": Option(-0.8, "how fast the memory of the squares grows longer", low=-2.0, high=-0.01),
        "beta1": Option(0.0, "memory of the gradient's mean; 0: none, which saves its memory", high=0.999999),
    },
}


def _is_number(value: float) -> bool:
    return not isinstance(value, bool) and math.isfinite(value)


def _shown(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(one) for one in value)}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"
