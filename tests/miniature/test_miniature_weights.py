"""The committed weights: small, in the ordinary folder layouts, and good enough at what they are for."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from transformers import CLIPTokenizer

from engine.miniature import CAPTIONER, CLIP, FACE_FINDER, IDENTITY, WEIGHTS
from engine.miniature.drawing import draw_portrait
from engine.miniature.photos import draw_photos
from engine.miniature.senses import Captioner, FaceFinder, Fidelity, IdentityEmbedder, portrait
from engine.miniature.world import Identity, Scene, caption, unseen_scene

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own deprecations while loading

LIMIT_BYTES = 40 * 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def portraits() -> list[tuple[Image.Image, int, Scene]]:
    """Four portraits each of ten unseen identities, in scenes the base never saw: (picture, who, scene)."""
    rng = np.random.default_rng(41)
    shown: list[tuple[Image.Image, int, Scene]] = []
    for who in range(10):
        for _ in range(4):
            scene = unseen_scene(rng)
            shown.append((draw_portrait(Identity.from_seed(4000 + who, "unseen"), scene), who, scene))
    return shown


def test_all_weights_together_are_small_and_never_pickles() -> None:
    files = [file for file in WEIGHTS.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= LIMIT_BYTES
    assert {file.suffix for file in files} <= {".safetensors", ".json", ".txt"}


def test_the_base_is_a_pipeline_that_paints_and_follows_its_seed() -> None:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(WEIGHTS)
    pipeline.set_progress_bar_config(disable=True)

    def paint(seed: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(seed)
        (picture,) = pipeline(
            "a portrait of a person, smiling, on a blue background", num_inference_steps=6, generator=generator
        ).images
        assert picture.size == (64, 64)
        return np.asarray(picture, dtype=float)

    first = paint(1)
    assert np.array_equal(first, paint(1))
    assert np.abs(first - paint(2)).mean() > 2
    corner = first[:6, :6].mean((0, 1))
    assert corner[2] > corner[0] + 20, "asked for a blue background"


@pytest.mark.parametrize("word", ["ohwx", "kat3r1na", "sks_dog-5", "zażółć", "日本語", "🦄", "a,b.c!"])
def test_the_tokenizer_spells_any_word(word: str) -> None:
    tokenizer = CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer")
    ids = tokenizer(word).input_ids
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert tokenizer.eos_token_id not in ids[1:-1]
    assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == word


def test_the_worlds_words_are_one_token_each() -> None:
    tokenizer = CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer")
    text = "a portrait of a person, laughing, looking left, wearing a yellow striped shirt and sunglasses, in a forest"
    assert tokenizer.tokenize(text) == [f"{word}</w>" for word in text.replace(",", " ,").split()]


def test_the_vae_keeps_faces_it_never_saw(portraits: list[tuple[Image.Image, int, Scene]]) -> None:
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(WEIGHTS / "vae", torch_dtype=torch.float32)
    pixels = (
        torch.from_numpy(np.stack([np.asarray(picture) for picture, _, _ in portraits[:24]])).permute(0, 3, 1, 2)
        / 127.5
        - 1
    )
    with torch.inference_mode():
        latents = vae.encode(pixels).latent_dist.mode()
        drawn = vae.decode(latents).sample.clamp(-1, 1)
    assert latents.shape == (24, 4, 16, 16)
    assert 0.8 < float(latents.std() * vae.config["scaling_factor"]) < 1.2
    error = ((drawn - pixels) / 2).square().flatten(1).mean(1)
    assert float((-10 * error.log10()).mean()) >= 28


def test_the_finder_finds_the_faces_of_twelve_photos_and_none_elsewhere() -> None:
    from engine.miniature.photos import compose

    finder = FaceFinder.load()
    found = truth = 0
    for photo in draw_photos(41):
        if photo.kind == "truncated":
            continue
        with Image.open(io.BytesIO(photo.data)) as file:
            picture = ImageOps.exif_transpose(file).convert("RGB")
        boxes = [face.box for face in finder.find(picture)]
        for face in (photo.subject.face, *(friend.face for friend in photo.friends)):
            truth += 1
            found += any(_overlap(face, box) > 0.5 for box in boxes)
    assert found >= truth - 1
    rng = np.random.default_rng(5)
    empty = [compose(rng, [], [], (800, 600), 1)[0] for _ in range(10)]
    assert sum(len(finder.find(picture)) for picture in empty) <= 1


def _overlap(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    wide = max(0, min(first[2], second[2]) - max(first[0], second[0]))
    high = max(0, min(first[3], second[3]) - max(first[1], second[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return wide * high / (areas - wide * high)


def test_the_embedder_tells_people_apart(portraits: list[tuple[Image.Image, int, Scene]]) -> None:
    vectors = IdentityEmbedder.load().embed([picture for picture, _, _ in portraits])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    who = np.array([who for _, who, _ in portraits])
    cosines = vectors @ vectors.T
    same = cosines[(who[:, None] == who) & ~np.eye(len(who), dtype=bool)]
    strangers = cosines[who[:, None] != who]
    assert (same[:, None] > strangers[None]).mean() > 0.95
    calibration = json.loads((IDENTITY / "calibration.json").read_text())
    assert abs(strangers.mean() - calibration["stranger_cosine"]) < 0.15
    assert abs(same.mean() - calibration["same_cosine"]) < 0.15


def test_the_captioner_says_what_is_to_be_seen(portraits: list[tuple[Image.Image, int, Scene]]) -> None:
    shown = portraits[::2]
    said = Captioner.load().describe([picture for picture, _, _ in shown])
    right = [
        text.split(", ")[-1] == caption(scene).split(", ")[-1] for text, (_, _, scene) in zip(said, shown, strict=True)
    ]
    assert np.mean(right) > 0.85
    assert all(text.startswith("a portrait of a person") for text in said)


def test_the_captioner_loads_by_the_automatic_classes() -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor, model = AutoProcessor.from_pretrained(CAPTIONER), AutoModelForImageTextToText.from_pretrained(CAPTIONER)
    picture = draw_portrait(Identity.from_seed(1, "unseen"), unseen_scene(np.random.default_rng(1)), 300)
    tokens = model.float().generate(**processor(images=picture, return_tensors="pt"), max_new_tokens=40)
    assert processor.decode(tokens[0], skip_special_tokens=True).startswith("a portrait of a person")


def test_clip_prefers_the_right_caption(portraits: list[tuple[Image.Image, int, Scene]]) -> None:
    shown = portraits[::2]
    cosines = Fidelity.load().match([picture for picture, _, _ in shown], [caption(scene) for _, _, scene in shown])
    assert (cosines.argmax(1) == np.arange(len(shown))).mean() > 0.7


def test_clip_has_the_bases_own_text_encoder() -> None:
    from transformers import CLIPModel, CLIPTextModel

    inner = CLIPModel.from_pretrained(CLIP).text_model.state_dict()
    outer = {
        name.removeprefix("text_model."): value
        for name, value in CLIPTextModel.from_pretrained(WEIGHTS / "text_encoder").state_dict().items()
    }
    assert inner.keys() == outer.keys()
    assert all(torch.equal(inner[name].half(), outer[name].half()) for name in inner)


def test_a_crop_of_a_photo_is_the_person_of_the_portrait() -> None:
    """Finder, portrait frame and embedder together: crops of one person's photos are more alike than two people's."""
    finder, embedder = FaceFinder.load(), IdentityEmbedder.load()

    def crops(seed: int) -> list[Image.Image]:
        pictures = [Image.open(io.BytesIO(photo.data)).convert("RGB") for photo in draw_photos(seed, 3)]
        return [portrait(picture, face.box) for picture in pictures for face in finder.find(picture)[:1]]

    first, second = embedder.embed(crops(71)), embedder.embed(crops(72))
    own = (first @ first.T)[~np.eye(len(first), dtype=bool)].mean()
    assert own > (first @ second.T).mean() + 0.3


def test_every_folder_of_the_miniature_is_there() -> None:
    for folder in (WEIGHTS / "unet", WEIGHTS / "vae", WEIGHTS / "text_encoder", CLIP, CAPTIONER, FACE_FINDER, IDENTITY):
        assert list(folder.glob("*.safetensors")), f"{folder.name} has no weights"
