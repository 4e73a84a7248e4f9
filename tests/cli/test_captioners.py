from __future__ import annotations

from pathlib import Path

import pytest

from bot import captioners
from bot.config import check
from bot.doctor import State, captions
from bot.errors import UserError
from engine.captioning import Captioner
from engine.miniature import CAPTIONER


def settings(**captions: object):
    return check({"captions": captions} if captions else {})


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


def test_a_missing_captioner_is_one_sentence_with_its_fix() -> None:
    found = captions(settings(captioner="florence2"))
    assert found.state is State.BAD
    assert "florence-community/Florence-2-base is not on this machine" in found.sentence
    assert "likeness models fetch captions" in found.sentence and "\n" not in found.sentence
    for fine in (settings(), settings(captioner="template"), settings(captioner="blip", model=str(CAPTIONER))):
        assert captions(fine).state is State.GOOD
    assert captions(settings()).sentence == "Captions start from a template."
    assert captions(settings(captioner="blip", model=str(CAPTIONER))).sentence == "Captions are written by blip."


def test_what_would_be_fetched() -> None:
    assert captioners.wanted(settings())[0] is Captioner.FLORENCE2
    kind, model = captioners.wanted(settings(captioner="blip"))
    assert model is not None and (kind, model.source) == (Captioner.BLIP, "Salesforce/blip-image-captioning-base")
    assert captioners.wanted(settings(captioner="miniature"))[1] is None


def test_fetching_takes_weights_and_configs_and_no_code(tmp_path: Path) -> None:
    asked: list[tuple[str, list[str]]] = []

    def download(source: str, *, allow_patterns: list[str]) -> str:
        asked.append((source, allow_patterns))
        return ""

    with pytest.raises(UserError, match="came without"):
        captioners.fetch(settings(captioner="florence2"), download)
    ((source, patterns),) = asked
    assert source == "florence-community/Florence-2-base"
    assert "*.safetensors" in patterns and not [one for one in patterns if one.endswith((".py", ".bin", "*", ".pt"))]

    def broken(*_: object, **__: object) -> str:
        raise OSError

    with pytest.raises(UserError, match="cannot be fetched"):
        captioners.fetch(settings(captioner="florence2"), broken)
    with pytest.raises(UserError, match="needs no model"):
        captioners.fetch(settings(captioner="template"), download)
    with pytest.raises(UserError, match="holds no captioner"):
        captioners.fetch(settings(captioner="blip", model=str(tmp_path)), download)
    assert captioners.fetch(settings(captioner="blip", model=str(CAPTIONER)), download) == CAPTIONER
