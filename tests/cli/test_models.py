"""likeness models: pinned, fetched when told to, never trusted for having arrived."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.error
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from bot import models
from bot.cli import main
from bot.config import Settings, load
from bot.errors import UserError

WEIGHTS = b"a small network" * 1000
MODEL = replace(models.FACES, sha256=hashlib.sha256(WEIGHTS).hexdigest(), bytes=len(WEIGHTS))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text('[storage]\nfolder = "kept"\n')
    return load(tmp_path / "config.toml")


class Line:
    """What is at the other end; says how much was asked of it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.asked, self.read = data, list[str](), 0

    def __call__(self, url: str) -> AbstractContextManager[io.BytesIO]:
        self.asked.append(url)
        line = self

        class Counted(io.BytesIO):
            def read(self, amount: int | None = -1, /) -> bytes:
                part = super().read(amount)
                line.read += len(part)
                return part

        return Counted(self.data)


def test_it_is_fetched_once_and_found_from_then_on(settings: Settings, tmp_path: Path) -> None:
    line = Line(WEIGHTS)
    place = models.fetch(MODEL, settings, line)
    assert place == tmp_path / "kept" / "models" / "face_detection_yunet_2023mar.onnx"
    assert place.read_bytes() == WEIGHTS and list(place.parent.iterdir()) == [place]
    assert models.fetch(MODEL, settings, line) == place and len(line.asked) == 1
    environ = {"LIKENESS_SFACE": "/already/said"}
    models.tell_engine(settings, environ)
    assert environ == {"LIKENESS_YUNET": str(place), "LIKENESS_SFACE": "/already/said"}
    place.write_bytes(b"bent")
    models.fetch(MODEL, settings, line)
    assert place.read_bytes() == WEIGHTS and len(line.asked) == 2


@pytest.mark.parametrize("data", [WEIGHTS[:-1] + b"X", WEIGHTS[:100], WEIGHTS * 500, b""])
def test_what_is_not_what_was_pinned_is_not_kept(settings: Settings, data: bytes) -> None:
    line = Line(data)
    with pytest.raises(UserError, match="that was pinned, so it was not kept"):
        models.fetch(MODEL, settings, line)
    assert not models.home(MODEL, settings).parent.exists()
    assert line.read <= MODEL.bytes + models.CHUNK, "no more is read than it could be"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (urllib.error.URLError("no route"), "no connection"),
        (urllib.error.HTTPError("u", 404, "gone", {}, None), "status 404"),  # type: ignore[arg-type]
        (TimeoutError(), "no connection"),
    ],
)
def test_without_a_connection_it_says_what_to_do(settings: Settings, error: OSError, words: str) -> None:
    def away(url: str) -> AbstractContextManager[io.BytesIO]:
        raise error

    with pytest.raises(UserError) as refused:
        models.fetch(MODEL, settings, away)
    assert words in str(refused.value) and "by hand: https://" in str(refused.value)


def test_the_commands(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def away(url: str) -> AbstractContextManager[io.BytesIO]:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(models, "_get", away)
    assert main(["models", "fetch", "faces"]) == 2
    assert "cannot be fetched from here (no connection)" in capsys.readouterr().err
    assert main(["models", "fetch", "noses"]) == 2
    assert "There are faces and recognition." in capsys.readouterr().err
    monkeypatch.setitem(models.MODELS, "faces", MODEL)
    monkeypatch.setattr(models, "_get", Line(WEIGHTS))
    assert main(["models", "fetch", "faces"]) == 0
    assert "faces is here (0.0 MB, MIT)" in capsys.readouterr().out
    assert main(["models", "list"]) == 0
    assert "likeness models fetch recognition" in capsys.readouterr().out
    assert main(["models", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["there"]) for row in told] == [("faces", True), ("recognition", False)]
    assert told[0]["place"] == str(tmp_path / "kept" / "models" / MODEL.file)


def test_a_file_that_config_names_goes_first(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"mine")
    (tmp_path / "config.toml").write_text('[faces]\nyunet_file = "mine.onnx"\n')
    environ = {"LIKENESS_YUNET": "/from/outside"}
    models.tell_engine(load(tmp_path / "config.toml"), environ)
    assert environ == {"LIKENESS_YUNET": str(tmp_path / "mine.onnx")}
