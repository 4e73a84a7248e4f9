"""Ours beside diffusers' DreamBooth script and sd-scripts, in one run, as processes watched from outside.

    python -m tests.peers --base sd15 --device cuda --diffusers FOLDER --sd-scripts FOLDER [--quick] [--compiled]
        [--diffusers-python PATH] [--sd-scripts-python PATH] [--out FOLDER] [--only NAME ...]

FOLDER is a checkout of each; nothing of theirs is copied, and a peer that is left out is left out of the table. Random weights
in the published size are written once into --out, in the layout that each of them reads, and found there again by the next run
(with --quick, the same weights). On a CPU it shows that everything runs and nothing else: only ratios taken on a GPU count.

Every round runs every trainer once, the order turned by one each time. A table goes to stdout, everything to report.json;
below runs/ lie each one's command, what it printed, and its LoRAs.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tests.peers import table, trainers
from tests.peers.marks import pace
from tests.peers.process import Watched, watch
from tests.peers.table import Run
from tests.peers.trainers import ROOT, Checkout, Job, Trainer
from tests.peers.weights import Weights, weights_of
from tests.peers.workload import BASES, DEVICES, Workload, lay_out

PEERS = ("diffusers", "sd-scripts")
LIMIT_S = 3600.0
SIZES = ("side", "batch", "rank", "photos", "repeats", "epochs", "warm", "rounds")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", choices=BASES, required=True)
    parser.add_argument("--device", choices=DEVICES, required=True)
    for peer in PEERS:
        parser.add_argument(f"--{peer}", type=Path, help="its checkout")
        parser.add_argument(f"--{peer}-python", default=sys.executable, help="a Python that has what it needs")
    parser.add_argument("--out", type=Path, default=Path("peers-out"), help="weights, logs and the report")
    parser.add_argument("--quick", action="store_true", help="one round, few steps")
    parser.add_argument("--compiled", action="store_true", help="the peers under torch.compile too")
    parser.add_argument("--only", nargs="+", default=[], help="trainers by name")
    for size in SIZES:
        parser.add_argument(f"--{size}", type=int, help="in place of the usual one")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    given = arguments(words)
    work = sized(given)
    try:
        checkouts = {
            peer: trainers.opened(peer, folder, getattr(given, f"{_attribute(peer)}_python"), work.base)
            for peer in PEERS
            if (folder := getattr(given, _attribute(peer))) is not None
        }
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    say(f"weights of {work.base} in its published size")
    weights = weights_of(work.base, given.out.resolve() / "weights")
    chosen = [
        one
        for one in trainers.trainers(checkouts, work, compiled=given.compiled)
        if not given.only or one.name in given.only
    ]
    say("FLOPs of a step, and of a matrix product")
    yardstick = _yardstick(work)
    runs = _rounds(chosen, work, weights, given.out.resolve() / "runs" / work.base)
    targets = {one.name: one.targets.value for one in chosen}
    rows = table.rows(runs, targets, work.batch, yardstick["step_flops"], yardstick["matmul_tflops"])
    ratios = table.ratios(runs, targets)
    report = {
        "workload": asdict(work), "yardstick": yardstick, "python": platform.python_version(),
        "checkouts": {peer: _told(one) for peer, one in checkouts.items()},
        "rows": [asdict(row) for row in rows], "ratios": [asdict(ratio) for ratio in ratios],
        "runs": [asdict(run) for run in runs],
    }  # fmt: skip
    (given.out / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    sys.stdout.write(heading(work, yardstick, checkouts) + table.drawn(rows, ratios, counts=work.is_cuda) + "\n")
    return 1 if any(row.wrong for row in rows) else 0


def sized(given: argparse.Namespace) -> Workload:
    usual = Workload.of(given.base, given.device, quick=given.quick)
    return replace(usual, **{size: getattr(given, size) for size in SIZES if getattr(given, size) is not None})


def heading(work: Workload, yardstick: dict[str, Any], checkouts: dict[str, Checkout]) -> str:
    lines = [
        f"{work.base}, random weights, {yardstick['device']}, {work.side} px, batch {work.batch}, rank {work.rank}, "
        f"{work.epochs} epochs of {work.epoch_steps} steps, precision {work.precision}, {work.rounds} rounds; "
        f"matrix product {yardstick['matmul_tflops']:.2f} TFLOP/s"
    ]
    for peer, one in checkouts.items():
        if one.stands_in:
            lines.append(
                f"{peer}: torchvision cannot be imported there; a stand-in with the transforms it needs was used"
            )
    return "\n".join(lines) + "\n"


def _rounds(chosen: Sequence[Trainer], work: Workload, weights: Weights, out: Path) -> list[Run]:
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="likeness-peers-") as folder:
        photos = lay_out(work, Path(folder))
        for number in range(work.rounds):
            turn = number % len(chosen)
            for one in (*chosen[turn:], *chosen[:turn]):
                say(f"round {number + 1} of {work.rounds}: {one.name}")
                place = out / str(number) / one.name.replace(", ", "-")
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir(parents=True)
                command = one.command(Job(work, weights, photos, place))
                (place / "command.txt").write_text(shlex.join(command) + "\n", encoding="utf-8")
                seen = watch(
                    command, one.pattern(), place / "log.txt", cwd=one.cwd, environment=one.environment, limit_s=LIMIT_S
                )
                runs.append(judged(one, number, work, seen, place))
                say(runs[-1].wrong or f"{seen.seconds:.0f} s")
    return runs


def judged(one: Trainer, number: int, work: Workload, seen: Watched, place: Path) -> Run:
    """A run counts where it ended well, made every step, and left a LoRA for every epoch."""
    found = pace(seen.marks.done, work.ends, work.warm)
    files = len(list(place.glob(one.files)))
    made = max(seen.marks.done, default=0)
    wrong = ""
    if seen.code != 0:
        wrong = f"ended with {seen.code}; the last of {seen.log}: {seen.tail.strip().splitlines()[-1:]}"
    elif made != work.steps:
        wrong = f"made {made} of {work.steps} steps ({seen.log})"
    elif files != work.epochs:
        wrong = f"left {files} LoRAs for {work.epochs} epochs ({seen.log})"
    again = _again(seen.tail, found.step_s)
    return Run(one.name, number, found, seen.seconds, seen.memory, seen.device_memory, files, again, wrong)


def _again(tail: str, step_s: float | None) -> float | None:
    """Ours says it in its last line; what came after the first step is taken off."""
    last = tail.strip().splitlines()[-1:]
    if not last or not last[0].startswith('{"again_step"'):
        return None
    told = json.loads(last[0])
    return told["again_s"] - (told["again_step"] - 1) * (step_s or 0.0)


def _yardstick(work: Workload) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.peers.yardstick", work.base, work.device]
    command += [str(number) for number in (work.side, work.batch, work.rank)]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(told.strip().splitlines()[-1])


def _told(one: Checkout) -> dict[str, Any]:
    return {"commit": one.commit, "torchvision": "a stand-in" if one.stands_in else "its own"}


def _attribute(peer: str) -> str:
    return peer.replace("-", "_")


def say(what: str) -> None:
    sys.stderr.write(f"{what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
