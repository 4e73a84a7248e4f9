"""The mask lies where the face is in what is shown."""

from __future__ import annotations

import pytest
import torch

from engine.protocol import Box
from engine.worker.masks import face_mask, mirrored

FACE = Box(x0=100, y0=60, x1=140, y1=110)
CUT = (50, 20, 210, 180)


def test_the_face_weighs_most_and_the_mean_is_one() -> None:
    mask = face_mask(FACE, CUT, (16, 16), outside=0.1)
    assert mask.shape == (16, 16)
    assert mask.mean().item() == pytest.approx(1.0)
    highest = (mask == mask.max()).nonzero().float().mean(dim=0)
    assert CUT[0] + (highest[1] + 0.5) * 10 == pytest.approx(120, abs=6)
    assert CUT[1] + (highest[0] + 0.5) * 10 == pytest.approx(81, abs=6), "a little above the middle of the box"
    corner = mask[-1, -1] / mask.max()
    assert corner.item() == pytest.approx(0.1)
    steps = (mask[:, 1:] - mask[:, :-1]).abs().max() / mask.max()
    assert steps < 0.6, "one fades into the other"


def test_a_cut_of_another_shape_keeps_the_place() -> None:
    mask = face_mask(FACE, (100, 20, 180, 180), (4, 16), outside=0.0)
    assert mask.shape == (16, 4)
    assert mask[5, 1] > 0 and mask[15].sum() == 0


@pytest.mark.parametrize("face", [None, Box(x0=300, y0=60, x1=340, y1=110)])
def test_without_a_face_everything_counts_the_same(face: Box | None) -> None:
    assert torch.equal(face_mask(face, CUT, (8, 8), outside=0.1), torch.ones(8, 8))


def test_a_mirrored_picture_has_a_mirrored_mask() -> None:
    mask = face_mask(FACE, CUT, (16, 16), outside=0.1)
    assert not torch.equal(mirrored(mask), mask)
    assert torch.equal(mirrored(mirrored(mask)), mask)
