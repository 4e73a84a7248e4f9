"""likeness bench: what the measuring process says, as a table and as a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bot.commands.bench

REPORT: dict[str, Any] = {
    "base": "miniature", "device": "cpu", "machine": "x86_64, 2 threads", "torch": "2.13", "load_s": 1.5, "first_step_s": 0.25,
    "first_picture_s": 0.5, "step_tflop": 0.02, "mfu": 0.31, "matmul_tflops": 0.1, "peak_memory_gib": 0.9,
    "plan": {"rounds": 3, "side": 64, "batch": 4, "steps": 4},
    "rows": [
        {"name": "bare", "seconds": 0.1, "images": 4, "ratio": None, "against": None, "images_per_second": 40.0},
        {"name": "our step", "seconds": 0.11, "images": 4, "ratio": 1.1, "against": "bare", "images_per_second": 36.4},
    ],
}  # fmt: skip


def test_a_table_for_people_and_a_file_for_programs(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def measure(base: str, device: str, *, quick: bool) -> dict[str, Any]:
        asked.append((base, device, quick))
        return REPORT

    monkeypatch.setattr(bot.commands.bench, "measure", measure)
    line = run("bench", "--base", "random-sd15", "--quick", "--json", tmp_path / "bench.json")
    assert line.code == 0 and asked == [("random-sd15", "auto", True)]
    assert "1.10 x bare" in line.out and "31% of the 0.10" in line.out.replace("\n", " ")
    assert json.loads((tmp_path / "bench.json").read_text()) == REPORT
    assert run("bench", "--base", "flux").code == 2
    line = run("bench", "--json", tmp_path / "no" / "bench.json")
    assert line.code == 2 and "cannot be written" in line.err


def test_a_measurement_that_fails_is_one_sentence(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    line = run("bench")
    assert line.code == 2 and "did not come to its end" in line.err
