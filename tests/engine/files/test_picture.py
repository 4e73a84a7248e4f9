"""A picture says how it was made in A1111's words, and that a model made it in IPTC's."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.files import picture
from engine.files.parameters import Hires, LoraTag, Parameters, parse

PLAIN = Parameters(
    prompt="ohwx on the moon", negative="hat, blurry", steps=25, sampler="DPM++ 2M Karras", cfg=6.0, seed=7, width=512,
    height=640, model="v1-5-pruned", model_hash="1a2b3c4d5e",
)  # fmt: skip


def with_changes(**changes: object) -> Parameters:
    known = {name: getattr(PLAIN, name) for name in Parameters.__slots__}
    return Parameters(**{**known, **changes})  # pyright: ignore[reportArgumentType]


FULL = with_changes(
    loras=(LoraTag("ohwx", 0.8, "0123456789ab"), LoraTag("film", -1.0, "ba9876543210")), clip_skip=1,
    hires=Hires(upscale=2.0, upscaler="Latent", denoising=0.45, steps=12),
)  # fmt: skip


def test_the_text_is_a1111s_letter_by_letter() -> None:
    assert FULL.text() == (
        "ohwx on the moon <lora:ohwx:0.8> <lora:film:-1>\n"
        "Negative prompt: hat, blurry\n"
        "Steps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6, Seed: 7, Size: 512x640, Model hash: 1a2b3c4d5e, "
        "Model: v1-5-pruned, Denoising strength: 0.45, Clip skip: 2, Hires upscale: 2, Hires steps: 12, Hires upscaler: Latent, "
        'Lora hashes: "ohwx: 0123456789ab, film: ba9876543210"'
    )


def test_what_is_not_there_is_not_written() -> None:
    assert with_changes(negative="", model="", model_hash="", sampler="Euler a").text() == (
        "ohwx on the moon\nSteps: 25, Sampler: Euler a, CFG scale: 6, Seed: 7, Size: 512x640"
    )


@pytest.mark.parametrize("about", [PLAIN, FULL, with_changes(denoising=0.6), with_changes(more={"Version": "a, b: c"})])
def test_what_was_written_is_read_back(about: Parameters) -> None:
    assert parse(about.text()) == about


def test_a_text_of_the_web_ui_is_read() -> None:
    said = parse(
        "masterpiece, 1girl,\n(best quality:1.2), <lora:style_v2:0.7>\nNegative prompt: bad hands,\nlowres\n"
        "Steps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7.5, Seed: 1234567890, Size: 768x512, Model hash: "
        '6ce0161689, Model: v1-5, VAE hash: 735e4c3a44, Clip skip: 2, Lora hashes: "style_v2: 0011223344ff", Version: v1.10.1'
    )
    assert said is not None
    assert said.prompt == "masterpiece, 1girl,\n(best quality:1.2),"
    assert said.negative == "bad hands,\nlowres"
    assert (said.sampler, said.cfg, said.seed, said.width, said.height) == ("Euler a", 7.5, 1234567890, 768, 512)
    assert said.loras == (LoraTag("style_v2", 0.7, "0011223344ff"),) and said.clip_skip == 1
    assert said.more == {"VAE hash": "735e4c3a44", "Version": "v1.10.1"}


@pytest.mark.parametrize(
    "text",
    ["", "a cat", "a cat\nSteps: 3", "Steps: x, Seed: 1, Size: 1x1, CFG scale: 1", "a\nSteps: 1, Seed: 2, Model: x"],
)
def test_another_text_is_none(text: str) -> None:
    assert parse(text) is None


WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60).map(str.strip)


@settings(deadline=None)
@given(WORDS, WORDS, st.text("abcXYZ 019,:\"\\'-_.", min_size=1, max_size=20).map(str.strip))
def test_any_prompt_goes_round(prompt: str, negative: str, upscaler: str) -> None:
    if prompt.startswith("Negative prompt:") or re.search(r"<lora:[^>]*>", prompt) or not prompt or not upscaler:
        return
    about = with_changes(prompt=prompt, negative=negative, hires=Hires(1.5, upscaler, 0.5))
    assert parse(about.text()) == about


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fall(text: str) -> None:
    said = parse(text)
    assert said is None or said.steps >= 0


@pytest.mark.parametrize("prompt", ["ohwx on the moon", "ohwx auf dem Mond, größer, 月"])
def test_a_png_carries_both(prompt: str) -> None:
    about = with_changes(prompt=prompt)
    data = picture.png(Image.new("RGB", (8, 6), "red"), about)
    with Image.open(io.BytesIO(data)) as opened:
        assert (opened.format, opened.size) == ("PNG", (8, 6))
        assert opened.info["parameters"] == about.text()
        assert picture.about(opened) == about
        xmp = ElementTree.fromstring(
            opened.info["xmp"].decode() if isinstance(opened.info["xmp"], bytes) else opened.info["xmp"]
        )
    source = xmp.findall(".//{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert [found.text for found in source] == [
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    ]


def test_a_picture_of_unknown_making_still_says_what_it_is() -> None:
    data = picture.png(Image.new("RGB", (4, 4)))
    with Image.open(io.BytesIO(data)) as opened:
        assert "parameters" not in opened.info and picture.about(opened) is None
        assert picture.MADE_BY_A_MODEL.encode() in data
    assert data == picture.png(Image.new("RGB", (4, 4))), "no time in it"
