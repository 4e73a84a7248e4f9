"""CLIP and DINOv2 as transformers loads them: tiny random ones of the real classes, from a folder and from the hub's cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sights
import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTokenizer,
    CLIPVisionConfig,
    Dinov2Config,
    Dinov2Model,
)

from engine.miniature import CLIP
from engine.protocol import BaseModelRef, SubjectKind
from engine.scores import eyes, vision
from engine.scores.eyes import Glance

PICTURES = [sights.drawn(seed, side=50) for seed in range(5)]
REAL = BaseModelRef(source="/models/some-base")


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    words = CLIPTokenizer.from_pretrained(CLIP)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        text = CLIPTextConfig(
            vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            projection_dim=16, max_position_embeddings=77, bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id,
        )  # fmt: skip
        seen = CLIPVisionConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8,
            projection_dim=16,
        )  # fmt: skip
        both = CLIPConfig(text_config=text.to_dict(), vision_config=seen.to_dict(), projection_dim=16)
        CLIPModel(both).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def dino_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dino")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        small = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, image_size=56, patch_size=14)
        Dinov2Model(small).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No eyes are named and nothing is in the hub's cache."""
    for name in (eyes.CLIP, eyes.DINO, eyes.SFACE, eyes.YUNET):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def in_the_cache(hub: Path, name: str, folder: Path) -> None:
    """As the hub's own client lays a fetched model out."""
    home = hub / f"models--{name.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("abc123")
    (home / "snapshots").mkdir()
    (home / "snapshots" / "abc123").symlink_to(folder, target_is_directory=True)


def test_clip_sees_and_matches(clip_folder: Path) -> None:
    clip = vision.clip_in((), str(clip_folder))
    assert clip is not None
    vectors = clip.embed(PICTURES)
    assert vectors.shape == (5, 16)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[3], clip.embed([PICTURES[3]])[0], atol=1e-5), "alone as in a batch"
    matches = clip.match(PICTURES, ["a cat", "a much longer prompt about a dog"])
    assert matches.shape == (5, 2)
    assert np.abs(matches).max() <= 1.0001
    alone = clip.match(PICTURES, ["a cat"])
    assert np.allclose(matches[:, :1], alone, atol=1e-4), "a longer neighbour changes no text"


def test_clip_reads_as_transformers_does(clip_folder: Path) -> None:
    clip = vision.clip_in((), str(clip_folder))
    assert clip is not None
    model, words = CLIPModel.from_pretrained(clip_folder).eval(), CLIPTokenizer.from_pretrained(CLIP)
    said = words(["a cat"], padding=True, return_tensors="pt")
    pixels = next(vision._pixels(model, PICTURES[:1], 32, *clip._look))
    with torch.no_grad():
        theirs = model(input_ids=said.input_ids, attention_mask=said.attention_mask, pixel_values=pixels)
    assert clip.match(PICTURES[:1], ["a cat"])[0, 0] == pytest.approx(
        float(theirs.image_embeds[0] @ theirs.text_embeds[0]), abs=1e-5
    )


def test_dino_tells_pictures_apart(dino_folder: Path) -> None:
    dino = vision.dino_in((), str(dino_folder))
    assert dino is not None
    vectors = dino.embed(PICTURES)
    assert vectors.shape == (5, 32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)


def test_a_fetched_model_is_found_in_the_cache_and_nowhere_else(
    bare_machine: Path, clip_folder: Path, dino_folder: Path
) -> None:
    assert vision.clip_in(eyes.CLIP_PLACES) is None
    assert vision.dino_in(eyes.DINO_PLACES) is None
    in_the_cache(bare_machine, eyes.CLIP_PLACES[1], clip_folder)
    in_the_cache(bare_machine, eyes.DINO_PLACES[0], dino_folder)
    assert vision.clip_in(eyes.CLIP_PLACES) is not None
    assert vision.dino_in(eyes.DINO_PLACES) is not None


def test_a_folder_that_is_not_whole_is_passed_over(tmp_path: Path, clip_folder: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "config.json").write_text("{}")
    assert vision.clip_in((), str(tmp_path / "half")) is None
    assert vision.clip_in((str(clip_folder),), str(tmp_path / "half")) is not None
    assert vision.clip_in(("no/such/thing",), "also not / valid") is None


def test_a_real_base_looks_with_the_best_that_is_there(
    monkeypatch: pytest.MonkeyPatch, clip_folder: Path, dino_folder: Path
) -> None:
    bare = eyes.sight_for(REAL, SubjectKind.PET, PICTURES)
    assert (bare.who, bare.matcher) == (None, None)
    assert isinstance(bare.whole, Glance)
    monkeypatch.setenv(eyes.CLIP, str(clip_folder))
    clip = eyes.sight_for(REAL, SubjectKind.PET, PICTURES)
    assert isinstance(clip.who, vision.ClipEyes)
    assert clip.matcher is clip.who
    monkeypatch.setenv(eyes.DINO, str(dino_folder))
    both = eyes.sight_for(REAL, SubjectKind.PET, PICTURES)
    assert isinstance(both.who, vision.DinoEyes)
    assert both.whole is both.who
    assert isinstance(both.matcher, vision.ClipEyes)
    assert both.strangers is None


def test_a_style_is_for_clip(monkeypatch: pytest.MonkeyPatch, clip_folder: Path, dino_folder: Path) -> None:
    monkeypatch.setenv(eyes.DINO, str(dino_folder))
    monkeypatch.setenv(eyes.CLIP, str(clip_folder))
    style = eyes.sight_for(REAL, SubjectKind.STYLE, PICTURES)
    assert isinstance(style.who, vision.ClipEyes)
    assert isinstance(style.whole, vision.DinoEyes)


def test_the_miniature_brings_its_own_eyes_and_knows_no_styles() -> None:
    person = eyes.sight_for(BaseModelRef(), SubjectKind.PERSON, PICTURES)
    assert person.who is not None
    assert person.matcher is not None
    assert person.strangers is not None
    assert np.allclose(np.linalg.norm(person.strangers, axis=1), 1, atol=1e-4)
    assert person.who.embed(PICTURES).shape[1] == person.strangers.shape[1]
    assert np.allclose(np.linalg.norm(person.whole.embed(PICTURES), axis=1), 1, atol=1e-4)
    assert eyes.sight_for(BaseModelRef(), SubjectKind.STYLE, PICTURES).who is None
