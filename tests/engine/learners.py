"""Trainings on the tiny base that a test makes pass by pass, and the jobs they learn from."""

from __future__ import annotations

import math
from pathlib import Path

import tiny

from engine.families.loaded import LoadedBase
from engine.protocol import Box, Recipe, TrainImage, TrainJob
from engine.worker import lesson as lessons
from engine.worker.checkpoint import RunFolder
from engine.worker.cohort import learn
from engine.worker.learner import Learner

SHORT = tiny.RECIPE.model_copy(update={"exposures": 8, "epochs": 2})


def recipe_of(**changes: object) -> Recipe:
    return Recipe.model_validate({**SHORT.model_dump(), **changes})


def learner(base: LoadedBase, folder: Path, job: TrainJob) -> Learner:
    run = RunFolder(folder, "job", "identity", None)
    work = lessons.lesson(base, job, tiny.PHOTOS, run, lambda phase, done, total: None)
    while True:
        try:
            next(work)
        except StopIteration as end:
            learnt = end.value
            return Learner(
                base, job.recipe, learnt.dataset, holding=learnt.holding, around=learnt.around, word=learnt.word
            )


def losses(one: Learner, steps: int) -> list[float]:
    found: list[float] = []
    for _ in range(steps):
        learn([one])
        while one.passes:
            learn([one])
        found.append(one.recent_loss() or math.nan)
    return found


def oblong(recipe: Recipe) -> TrainJob:
    """Crops of two shapes, with a face in each photo."""
    boxes = [Box(x0=2, y0=2, x1=46, y1=30), Box(x0=8, y0=0, x1=32, y1=40)]
    images = tuple(
        TrainImage(photo_id=sha, sha256=sha, crop=boxes[number % 2], face=Box(x0=14, y0=8, x1=26, y1=20),
                   caption=f"ohwx person, number {number}", repeats=1 + (number == 0))
        for number, sha in enumerate(tiny.PHOTOS)
    )  # fmt: skip
    return tiny.job(recipe, images=images)
