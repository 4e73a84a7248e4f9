"""What a training really learns: unseen identities through the real engine, judged by a reader that took no part in it.

Per identity: photos are drawn as members would send them, prepared (faces found, cropped, captioned), trained with the
preset, and the suggested epoch paints scenes it was not shown. The bare base paints the same prompts with the same seeds.
The likeness is measured against photos of the identity that nobody saw (100 is how alike those are to each other) and of
strangers (0); what the prompts asked for is read from the pictures of both.

    make quality                                   the table, and quality-out/quality.json
    .venv/bin/python -m tests.quality --identities 3 --preset quick --plain
    .venv/bin/python -m tests.quality --ways ours prior dreambooth uncropped --judge all
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from engine.families.loaded import LoadedBase
from engine.recipes.presets import PRESETS
from tests.quality.judge import Judge
from tests.quality.study import JUDGED, PHOTOS, WAYS, Outcome, study, without

FIRST_SEED = 7_310
BARS = {"likeness": 60.0, "base": 15.0, "kept": 90.0}
NEAR = 5.0
"""Points: how close to the best epoch the suggested one counts as right."""


@functools.cache
def tools() -> tuple[LoadedBase, Judge]:
    import torch

    from engine.families import load
    from engine.protocol import BaseModelRef

    torch.set_num_threads(1)
    return load(BaseModelRef()), Judge()


@functools.cache
def unlearnt(identity: int) -> tuple[list[Image.Image], list[Image.Image]]:
    return without(tools()[0], identity)


def one(identity: int, way: str, preset: str, plain: bool, count: int, judged: str, out: Path, changes: str) -> Outcome:
    return study(
        *tools(),
        identity,
        WAYS[way],
        preset,
        unlearnt(identity),
        plain=plain,
        count=count,
        judged=judged,
        out=out,
        changes=json.loads(changes),
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """One line each. "own": the engine's own likeness / fidelity of the chosen epoch."""
    lines = [
        "identity  way         photos  seconds  epoch  likeness  (clean)   base  bleed    own          right  base's   kept"
    ]
    for found in outcomes:
        own = next(epoch for epoch in found.epochs if epoch["epoch"] == found.chosen)
        cells = (
            f"{found.identity:8d}", f"{found.way:10s}", f"{found.photos:6d}", f"{found.seconds:7.0f}", f"{found.chosen:5d}",
            f"{found.likeness:8.1f}", f"{found.likeness_portraits:7.1f}", f"{found.base:5.1f}", f"{found.bleed:5.1f}",
            f"{own['likeness'] or 0:5.1f} / {own['fidelity'] or 0:5.1f}", f"{found.right['all']:5.1f}",
            f"{found.base_right['all']:6.1f}", f"{found.kept:5.1f}",
        )  # fmt: skip
        lines.append("  ".join(cells))
    return "\n".join(lines)


def verdict(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Medians of likeness; of the scene attributes the share over all identities. Leakage is what the engine itself reads."""
    right = float(np.mean([found.right["all"] for found in outcomes]))
    base_right = float(np.mean([found.base_right["all"] for found in outcomes]))
    said = {
        "likeness": round(median(found.likeness for found in outcomes), 1),
        "likeness_portraits": round(median(found.likeness_portraits for found in outcomes), 1),
        "base": round(median(found.base for found in outcomes), 1),
        "bleed": round(median(found.bleed for found in outcomes), 1),
        "kept": round(100 * right / base_right, 1),
        "right": round(right, 1),
        "base_right": round(base_right, 1),
        "seconds": round(median(found.seconds for found in outcomes), 1),
    }
    leaked = [epoch["leakage"] for found in outcomes for epoch in found.epochs if epoch["epoch"] == found.chosen]
    if leaked and all(value is not None for value in leaked):
        said["leakage"] = round(median(value for value in leaked if value is not None), 1)
    chosen = [found for found in outcomes if len(found.likeness_by_epoch) > 1]
    if chosen:
        loss = [max(found.likeness_by_epoch.values()) - found.likeness for found in chosen]
        last = [max(by.values()) - by[max(by)] for by in (found.likeness_by_epoch for found in chosen)]
        said["suggested_near_best"] = round(100 * float(np.mean([value <= NEAR for value in loss])), 1)
        said["last_near_best"] = round(100 * float(np.mean([value <= NEAR for value in last])), 1)
        said["suggested_short_of_best"] = round(float(np.mean(loss)), 1)
        said["last_short_of_best"] = round(float(np.mean(last)), 1)
    return said


def _report(preset: str, outcomes: Sequence[Outcome], ways: Sequence[str]) -> dict[str, Any]:
    """Of what is there so far."""
    ranked = sorted(outcomes, key=lambda found: (found.identity, ways.index(found.way)))
    some = {way: [found for found in ranked if found.way == way] for way in ways}
    return {
        "bars": BARS, "preset": preset, "verdict": {way: verdict(found) for way, found in some.items() if found},
        "identities": [asdict(found) for found in ranked],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.quality", description="Train unseen identities and read what was learnt."
    )
    parser.add_argument("--identities", type=int, default=10)
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="seed of the first identity")
    parser.add_argument("--preset", choices=PRESETS, default="balanced")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=["ours"], help="ways to learn, side by side")
    parser.add_argument("--set", default="{}", metavar="JSON", help="values of the recipe to change, for trying out")
    parser.add_argument("--plain", action="store_true", help="clean portraits with true captions instead of photos")
    parser.add_argument("--photos", type=int, default=PHOTOS, help="how many are sent of each identity")
    parser.add_argument(
        "--judge", choices=list(JUDGED), default="suggested", help="late: the second half of the epochs too"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trainings at a time, one core each")
    parser.add_argument("--out", type=Path, default=Path("quality-out"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    outcomes: list[Outcome] = []
    seeds = range(options.first, options.first + options.identities)
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        work = [
            pool.submit(
                one,
                seed,
                way,
                options.preset,
                options.plain,
                options.photos,
                options.judge,
                options.out,
                options.set,
            )
            for seed in seeds
            for way in options.ways
        ]
        for done in as_completed(work):
            outcomes.append(done.result())
            print(table(outcomes) if len(outcomes) == 1 else table(outcomes).splitlines()[-1], flush=True)
            report = _report(options.preset, outcomes, options.ways)
            (options.out / "quality.json").write_text(json.dumps(report, indent=2) + "\n")
    for way, found in report["verdict"].items():
        print(f"\n{way}: " + ", ".join(f"{name} {value:g}" for name, value in found.items()))
    found = report["verdict"][options.ways[0]]
    passed = found["likeness"] >= BARS["likeness"] and found["base"] <= BARS["base"] and found["kept"] >= BARS["kept"]
    print(
        f"\nmedian likeness {found['likeness']} (at least {BARS['likeness']:.0f}), base {found['base']} "
        f"(at most {BARS['base']:.0f}), "
        f"scene attributes right {found['right']} % against the base's {found['base_right']} %: {found['kept']} % kept "
        f"(at least {BARS['kept']:.0f})\n{'PASSED' if passed else 'NOT REACHED'}; pictures and quality.json are in {options.out}/"
    )
    raise SystemExit(0 if passed else 1)
