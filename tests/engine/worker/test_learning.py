"""That a training learns: one unseen identity on the miniature, read by a network that took no part in any of it.

Short on purpose (a tenth of what a member gets); `make quality` measures ten identities at full length.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.studio.captions import previews
from engine.families import load
from engine.miniature import WEIGHTS
from engine.protocol import BaseModelRef, EpochReady, TrainJob
from engine.recipes.presets import recipe_for
from engine.worker.order import Order
from engine.worker.train import train
from tests.quality.judge import Judge
from tests.quality.study import CLASS_WORD, KIND, PHOTOS, TRIGGER, WAYS, images_of, painted, run, unseen_scenes

pytestmark = pytest.mark.skipif(not (WEIGHTS / "unet").is_dir(), reason="the miniature's weights are not here")


@pytest.mark.slow
def test_a_short_training_paints_the_person_and_keeps_the_scene(tmp_path: Path) -> None:
    base, judge, identity = load(BaseModelRef()), Judge(), 7100
    images, blobs = images_of(identity, WAYS["ours"], PHOTOS, plain=True)
    recipe = recipe_for("balanced", base.ref, KIND, len(images)).model_copy(update={"exposures": 400, "epochs": 1})
    job = TrainJob(
        job_id="short", trigger=TRIGGER, class_word=CLASS_WORD, recipe=recipe, images=tuple(images),
        previews=previews(KIND, TRIGGER, CLASS_WORD, (1, 2, 3, 4)),
    )  # fmt: skip
    epoch = next(
        event
        for event in run(lambda emit: train(base, job, blobs, tmp_path, emit, Order()))
        if isinstance(event, EpochReady) and event.epoch == 1
    )
    scenes = unseen_scenes(identity, 5)
    asked = [scene for scene in scenes for _ in range(2)]
    bare, ours = painted(base, scenes, None), painted(base, scenes, epoch.blobs["lora"])
    before, after = (judge.likeness(pictures, identity).portraits for pictures in (bare, ours))
    assert before <= 25
    assert after >= before + 25
    assert judge.right(ours, asked)["all"] >= 0.8 * judge.right(bare, asked)["all"]
    assert epoch.likeness is not None
    assert epoch.fidelity is not None
