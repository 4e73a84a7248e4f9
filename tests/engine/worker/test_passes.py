"""Hires passes, fast mode, previews, pictures of their own in one batch, and what happens when memory is short."""

from __future__ import annotations

import io
import math
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from diffusers import AutoencoderTiny
from easel import apart, loud_lora, opened, painted, pictures, pixels, told
from PIL import Image

import engine.worker.paint
from engine import fast
from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.protocol import PaintJob, Progress
from engine.shots import Hires, LoraUse, Previews, Shot
from engine.worker.cut import cut
from engine.worker.order import Order
from engine.worker.paint import paint
from engine.worker.sampler import draw, pictures_of
from engine.worker.starts import open_start, own_size

JOB = PaintJob(job_id="paint1", prompt="ohwx on the moon", negative="hat", seeds=(7, 8), steps=4, cfg=4.5)
LORA, OTHER = "cd" * 32, "ef" * 32


@pytest.fixture(scope="module")
def base(tiny_folder: Path) -> LoadedBase:
    """One for all: painting leaves it as it was, which `test_paint` checks."""
    return tiny.base(tiny_folder)


def changed(**changes: object) -> PaintJob:
    return JOB.model_copy(update=changes)


# ---- hires -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upscaler", ["latent", "lanczos"])
def test_a_hires_pass_gives_the_larger_size_and_the_same_picture_every_time(base: LoadedBase, upscaler: Any) -> None:
    job = changed(steps=2, hires=Hires(upscale=1.8, steps=3, denoise=0.7, upscaler=upscaler))
    done = painted(base, job)
    assert (done.width, done.height) == (56, 56)  # 57.6, in steps of 8
    first, second = (pixels(Image.open(io.BytesIO(done.blobs[name]))) for name in ("picture_0", "picture_1"))
    assert first.shape == (56, 56, 3)
    assert apart(second, pictures(base, job.model_copy(update={"seeds": (8,)}))[0]) <= 1
    assert apart(first, second) > 20
    said = Image.open(io.BytesIO(done.blobs["picture_0"])).info["parameters"]
    assert "Size: 32x32" in said and "Denoising strength: 0.7" in said
    assert f"Hires upscale: 1.8, Hires steps: 3, Hires upscaler: {upscaler.capitalize()}" in said


def test_a_second_pass_keeps_more_of_the_first_the_less_it_denoises(base: LoadedBase) -> None:
    plain = opened(base, changed(seeds=(7,), steps=8))[0].resize((64, 64), Image.Resampling.LANCZOS)

    def away(denoise: float) -> float:
        job = changed(seeds=(7,), steps=8, hires=Hires(upscale=2, denoise=denoise))
        return float(abs(pictures(base, job)[0] - pixels(plain)).mean())

    # The tiny VAE is random, so that even an unchanged picture comes back changed: only the order says something.
    assert away(0.15) < away(1.0)


def test_progress_counts_the_steps_of_both_passes(base: LoadedBase) -> None:
    ticks = iter(range(1000))
    events = list[Any]()
    job = changed(steps=4, hires=Hires(upscale=1.5, steps=6, denoise=0.5))
    for _ in paint(base, job, {}, events.append, Order(), clock=lambda: float(next(ticks))):
        pass
    steps = [(event.step, event.total) for event in events if isinstance(event, Progress)]
    assert steps == [(count, 14) for count in range(1, 15)]  # two pictures, one after the other; 4 steps and 3 of 6


# ---- few steps ---------------------------------------------------------------------------------------------------


def test_the_fast_mode_stacks_its_lora_beside_the_others(base: LoadedBase, tmp_path: Path) -> None:
    file = tmp_path / "lcm-lora.safetensors"
    # LCM-LoRA's own shape: the whole UNet with its convolutions, and no text encoder.
    places = [*(site for site in base.sites if site.part == "denoiser"), *base.conv_sites]
    assert {site.path.rpartition(".")[2] for site in base.conv_sites} >= {"conv1", "conv2", "time_emb_proj", "conv"}
    file.write_bytes(loud_lora(base, seed=5, rank=8, loud=0.2, sites=places))
    pace = fast.pace(base.spec, few_step=True)
    blobs = {LORA: loud_lora(base, loud=0.2), OTHER: file.read_bytes()}
    quick: dict[str, object] = {"sampler": pace.sampler, "steps": pace.steps, "cfg": pace.cfg, "seeds": (7,)}
    (ours,) = opened(base, changed(**quick, loras=(LoraUse(sha256=LORA, strength=0.8),), few_step=str(file)), blobs)
    assert "Steps: 6, Sampler: LCM, CFG scale: 1.5" in ours.info["parameters"]
    assert "<lora:ohwx:0.8> <lora:lcm-lora:1>" in ours.info["parameters"]
    both = (LoraUse(sha256=LORA, strength=0.8), LoraUse(sha256=OTHER))
    assert apart(pixels(ours), pictures(base, changed(**quick, loras=both), blobs)[0]) <= 1
    assert apart(pixels(ours), pictures(base, changed(**quick, loras=both[:1]), blobs)[0]) > 5


def test_the_fast_modes_file_is_read_once_and_again_when_it_changes(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, reads, read = tmp_path / "lcm-lora.safetensors", list[str](), Path.read_bytes

    def counted(path: Path) -> bytes:
        reads.append(path.name)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    file.write_bytes(loud_lora(base, seed=5, loud=0.2))
    job = changed(few_step=str(file), steps=2, seeds=(7,))
    first, again = pictures(base, job)[0], pictures(base, job)[0]
    assert reads == [file.name] and apart(first, again) == 0
    file.write_bytes(loud_lora(base, seed=6, rank=2, loud=0.6))
    assert apart(first, pictures(base, job)[0]) > 5
    assert reads == [file.name] * 2
    file.write_bytes(b"no LoRA")
    with pytest.raises(BadInput, match="LoRA file cannot be used"):
        pictures(base, job)


def test_a_fast_mode_without_its_file_says_so(base: LoadedBase, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="without the fast mode"):
        pictures(base, changed(few_step=str(tmp_path / "gone.safetensors")))


def test_without_such_a_lora_few_steps_are_walked_by_unipc(base: LoadedBase) -> None:
    pace = fast.pace(base.spec, few_step=False)
    assert (pace.sampler, pace.steps) == ("UniPC", 10) and pace.cfg == base.spec.paint_cfg


# ---- previews ----------------------------------------------------------------------------------------------------


def tiny_vae(folder: Path, channels: int = 4) -> str:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        blocks: dict[str, Any] = {"num_encoder_blocks": (1, 1, 1), "num_decoder_blocks": (1, 1, 1)}
        vae = AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8), decoder_block_out_channels=(8, 8, 8), latent_channels=channels, **blocks
        )  # fmt: skip
    vae.save_pretrained(folder)
    return str(folder)


def test_previews_come_at_the_asked_steps_and_only_if_asked(base: LoadedBase, tmp_path: Path) -> None:
    wanted = Previews(tiny_vae=tiny_vae(tmp_path / "tiny"), every=2)
    shown = [
        event.blobs for event in told(base, changed(previews=wanted)) if isinstance(event, Progress) and event.blobs
    ]
    assert [sorted(blobs) for blobs in shown] == [["preview_0", "preview_1"]] * 2  # steps 2 and 4
    with Image.open(io.BytesIO(shown[0]["preview_1"])) as picture:
        assert picture.format == "JPEG" and picture.size == (32, 32)
    assert shown[0]["preview_0"] != shown[1]["preview_0"] != shown[1]["preview_1"]
    assert not any(event.blobs for event in told(base, JOB) if isinstance(event, Progress))
    assert painted(base, changed(previews=wanted)).blobs == painted(base, JOB).blobs


@pytest.mark.parametrize("sampler", ["DPM++ 2M Karras", "Euler a", "DDIM", "LCM"])
def test_the_last_preview_is_the_picture(base: LoadedBase, sampler: str) -> None:
    seen: list[torch.Tensor] = []
    painting = draw(
        base, ["ohwx"], [7], steps=8, cfg=1.0, width=32, height=32, sampler=sampler, watch=lambda one: seen.append(one)
    )  # fmt: skip
    while True:
        try:
            next(painting)
        except StopIteration as end:
            (picture,) = end.value
            break
    assert len(seen) == 8
    away = [abs(pixels(pictures_of(base.family.decode_latents(base, one))[0]) - pixels(picture)).mean() for one in seen]
    assert away[-1] < 1 and 2 * away[-1] < away[0], away


@pytest.mark.parametrize("which", ["missing", "other"])
def test_a_tiny_vae_that_does_not_fit_is_refused(base: LoadedBase, tmp_path: Path, which: str) -> None:
    folder = str(tmp_path / "none") if which == "missing" else tiny_vae(tmp_path / "tiny", channels=16)
    with pytest.raises(BadInput, match="tiny VAE"):
        told(base, changed(previews=Previews(tiny_vae=folder)))


# ---- pictures of their own -----------------------------------------------------------------------------------------


def test_shots_differ_in_one_batch_as_they_do_alone(base: LoadedBase) -> None:
    blobs = {LORA: loud_lora(base, loud=0.3), OTHER: loud_lora(base, seed=6, rank=2, loud=0.3)}
    shots = (
        Shot(),
        Shot(cfg=1.0, loras=(LoraUse(sha256=LORA),)),
        Shot(prompt="a beach", negative="", loras=(LoraUse(sha256=LORA, strength=0.5), LoraUse(sha256=OTHER))),
        Shot(cfg=9.0, loras=()),
    )
    job = changed(seeds=(7, 7, 7, 7), shots=shots, loras=(LoraUse(sha256=OTHER),))
    together = pictures(base, job, blobs)
    alone = [
        pictures(base, changed(seeds=(7,), prompt=prompt, negative=negative, cfg=cfg, loras=loras), blobs)[0]
        for prompt, negative, cfg, loras in (
            (JOB.prompt, "hat", 4.5, (LoraUse(sha256=OTHER),)),
            (JOB.prompt, "hat", 1.0, (LoraUse(sha256=LORA),)),
            ("a beach", "", 4.5, (LoraUse(sha256=LORA, strength=0.5), LoraUse(sha256=OTHER))),
            (JOB.prompt, "hat", 9.0, ()),
        )
    ]
    assert [apart(one, other) <= 1 for one, other in zip(together, alone, strict=True)] == [True] * 4
    assert min(apart(together[0], other) for other in together[1:]) > 5


def test_a_job_has_a_shot_for_every_seed_or_none() -> None:
    with pytest.raises(ValueError, match="one for every seed"):
        PaintJob(job_id="a", prompt="a", seeds=(1, 2), shots=(Shot(),))


def test_the_same_lora_named_twice_adds_up(base: LoadedBase) -> None:
    blobs = {LORA: loud_lora(base, loud=0.2)}
    twice = (LoraUse(sha256=LORA, strength=0.5), LoraUse(sha256=LORA, strength=0.25))
    (ours,) = pictures(base, changed(seeds=(7,), loras=twice), blobs)
    (sum_,) = pictures(base, changed(seeds=(7,), loras=(LoraUse(sha256=LORA, strength=0.75),)), blobs)
    assert apart(ours, sum_) <= 1


def test_a_batch_that_is_too_large_is_halved(base: LoadedBase, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def short_of_memory(base: LoadedBase, prompts: list[str], *rest: Any, **more: Any) -> Generator[None, None, Any]:
        sizes.append(len(prompts))
        yield
        if len(prompts) > 1:
            raise torch.OutOfMemoryError
        return (yield from draw(base, prompts, *rest, **more))

    seeds = (7, 8, 9)
    expected = pictures(base, changed(seeds=seeds))
    monkeypatch.setattr(engine.worker.paint, "draw", short_of_memory)
    for ours, other in zip(pictures(base, changed(seeds=seeds)), expected, strict=True):
        assert apart(ours, other) <= 1
    assert sizes == [3, 1, 1, 1]


# ---- where it starts, what is read -----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"no picture at all", tiny.photo(1)[:60]])
def test_a_start_that_is_no_picture_is_refused(base: LoadedBase, data: bytes) -> None:
    with pytest.raises(BadInput, match="The picture to start from"):
        told(base, changed(init=LORA), {LORA: data})


def test_a_variation_has_its_starts_own_size_unless_it_is_much_larger() -> None:
    assert own_size(Image.new("RGB", (40, 24)), 32) == (40, 24)
    wide, high = own_size(Image.new("RGB", (400, 300)), 32)
    assert math.isclose(wide / high, 4 / 3, rel_tol=0.05) and math.isclose(wide * high, 32 * 32, rel_tol=0.05)
    assert open_start(tiny.photo(1, 48, 40)).size == (48, 40)


def test_what_is_over_the_encoders_length_is_told(base: LoadedBase) -> None:
    """The tiny tokenizer spends a token on every letter and its 77 include two marks."""
    words = "a" * 70 + " moon beach"
    done = painted(base, changed(prompt=words, negative="b" * 80))
    assert done.cut == "beach"  # its last four letters are too many
    assert done.cut_negative == "b" * 80
    assert painted(base, changed(prompt="a" * 75)).cut == ""
    assert cut(base, "a" * 76) == "a" * 76


def test_what_was_cut_paints_nothing(base: LoadedBase) -> None:
    first, second = (pictures(base, changed(seeds=(7,), prompt="a" * 75 + end))[0] for end in (" moon", " beach"))
    assert apart(first, second) == 0
