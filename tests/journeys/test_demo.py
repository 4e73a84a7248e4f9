"""The demo's story from end to end, with a scripted engine: what it leaves behind is whole and says what happened."""

from __future__ import annotations

from pathlib import Path

import pytest

import bot.demo.show
from bot.demo import run_demo
from bot.report import Report
from engine.fake import FakeEngine


async def test_the_story_is_told_and_leaves_everything_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def scripted(scratch: Path, *, log: Path) -> FakeEngine:
        return FakeEngine()

    monkeypatch.setattr(bot.demo.show, "LocalEngine", scripted)
    await run_demo(tmp_path / "out")
    out = tmp_path / "out"
    report = Report.model_validate_json((out / "report.json").read_text())

    assert report.photos.given == 12
    assert report.photos.kept + len(report.photos.refused) == 12
    assert report.winner in {epoch.epoch for epoch in report.epochs}
    assert sum(report.votes.values()) == 5
    assert max(report.votes, key=lambda epoch: report.votes[epoch]) == report.winner
    assert report.lora is not None
    assert len(report.pictures) == 6
    files = [report.lora, *(epoch.file for epoch in report.epochs)]
    files += [name for picture in report.pictures for name in (picture.file, picture.base_file) if name]
    assert len(files) == 1 + len(report.epochs) + 12
    assert all((out / file).stat().st_size for file in files)
    assert (out / report.base / "model_index.json").exists()
    assert (out / "grid.png").read_bytes().startswith(b"\x89PNG")

    page = (out / "conversation.html").read_text()
    told = capsys.readouterr().out
    for moment in ("Looks right", "changed the caption", "Epoch 1 of", "reacted", "ada-gen0", "lora:base"):
        assert moment in page
        assert moment in told
    assert "<script" not in page
    assert 'src="http' not in page
