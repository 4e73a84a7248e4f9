"""The fast mode: the same prompt in a fraction of the steps.

With a few-step LoRA (LCM-LoRA: Luo et al. 2023, arXiv:2311.05556; Hyper-SD, Lightning and others likewise) 4 to 8 steps are
enough, and guidance has been learnt into it: a CFG near 1. Without one the sampler that does best in few steps paints.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.families.spec import FamilySpec
from engine.samplers import EULER, LCM, UNIPC


@dataclass(frozen=True, slots=True)
class Pace:
    sampler: str
    steps: int
    cfg: float


def pace(spec: FamilySpec, *, few_step: bool) -> Pace:
    """How a base of this family paints fast, with or without a few-step LoRA."""
    if spec.prediction == "flow":
        return Pace(EULER, 8 if few_step else 14, 1.0 if few_step else spec.paint_cfg)
    # UniPC (Zhao et al. 2023, arXiv:2302.04867) was made for 5 to 10 steps.
    return Pace(LCM, 6, 1.5) if few_step else Pace(UNIPC, 10, spec.paint_cfg)
