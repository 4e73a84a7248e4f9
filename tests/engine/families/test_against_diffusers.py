"""What every family holds: its pieces are diffusers' pipeline, taken apart, and neighbours in a batch change nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler
from tiny_families import KINDS

from engine.families import load
from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.sites import Site
from engine.families.text import Text
from engine.protocol import BaseModelRef
from engine.worker.objective import losses, objective_of

PROMPTS = ["a portrait of ohwx", "ohwx on the moon, a very long way from home"]
SIDE = tiny.SIDE
CFG, STEPS = 3.0, 3


@pytest.fixture(scope="module", params=sorted(KINDS))
def base(request: pytest.FixtureRequest, folder_of: Callable[[str], Path]) -> LoadedBase:
    return load(BaseModelRef(family=request.param, source=str(folder_of(request.param))))


def text_of(base: LoadedBase, prompts: list[str], clip_skip: int = 0) -> Text:
    with torch.no_grad():
        return base.family.encode_tokens(base, base.family.tokens_of(base, prompts), clip_skip)


def noise(base: LoadedBase, count: int, seed: int = 3) -> torch.Tensor:
    shape = (count, base.spec.latent_channels, SIDE // base.factor, SIDE // base.factor)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def timesteps(base: LoadedBase) -> Any:
    """The scheduler that both sides use."""
    if base.prediction == "flow":
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(base.scheduler_config)
        scheduler.set_timesteps(sigmas=torch.linspace(1.0, 1 / STEPS, STEPS).tolist())
        return scheduler
    scheduler = DDIMScheduler.from_config(base.scheduler_config)
    scheduler.set_timesteps(STEPS)
    return scheduler


def paint(base: LoadedBase, start: torch.Tensor, framings: list[Framing]) -> torch.Tensor:
    scheduler, latents = timesteps(base), start
    text = text_of(base, [""] * len(PROMPTS) + PROMPTS)
    told = base.family.conditions(base, [*framings, *framings])
    with torch.no_grad():
        for timestep in scheduler.timesteps:
            without, towards = base.family.forward(base, torch.cat([latents, latents]), timestep, text, told).chunk(2)
            latents = scheduler.step(without + CFG * (towards - without), timestep, latents, return_dict=False)[0]
        return base.family.decode_latents(base, latents)


def test_its_pieces_paint_what_the_pipeline_paints(base: LoadedBase) -> None:
    pipe = base.family.pipeline_of(base)
    pipe.set_progress_bar_config(disable=True)
    if base.prediction != "flow":
        pipe.scheduler = DDIMScheduler.from_config(base.scheduler_config)
    # Z-Image's pipeline counts guidance from 0 where others count from 1.
    scale = CFG - 1 if base.prediction == "flow" else CFG
    start = noise(base, 2)
    theirs = pipe(
        list(PROMPTS), height=SIDE, width=SIDE, num_inference_steps=STEPS, guidance_scale=scale, latents=start.clone(),
        output_type="pt",
    ).images  # fmt: skip
    ours = paint(base, start, [Framing.whole(SIDE, SIDE)] * 2)
    assert theirs.std() > 0.01
    assert torch.allclose(ours, theirs, atol=2e-5), float((ours - theirs).abs().max())


def test_latents_are_what_the_pipelines_vae_says(base: LoadedBase) -> None:
    pixels = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        mean, spread = base.family.encode_latents(base, pixels)
        posterior = base.vae.encode(pixels).latent_dist
        drawn = base.family.decode_latents(base, mean)
        again = base.vae.decode(posterior.mean).sample
    shift = base.vae.config.get("shift_factor") or 0.0
    assert torch.allclose((posterior.mean - shift) * base.vae.config.scaling_factor, mean)
    assert torch.allclose(posterior.std * base.vae.config.scaling_factor, spread)
    assert torch.allclose(drawn, (again / 2 + 0.5).clamp(0, 1), atol=1e-5), "there and back"


def test_neighbours_and_padding_change_nothing(base: LoadedBase) -> None:
    """A short text beside a long one is answered as it is alone, whatever lies in the padding."""
    short, long = "ohwx", "ohwx " * 12
    start = noise(base, 2)
    framings = [Framing(SIDE, SIDE, 300, 200, 5, 7), Framing.whole(SIDE, SIDE)]
    timestep = torch.tensor([700, 300])

    def answers(text: Text, rows: slice) -> torch.Tensor:
        told = base.family.conditions(base, framings[rows])
        with torch.no_grad():
            return base.family.forward(base, start[rows], timestep[rows], text, told)

    together = answers(text_of(base, [short, long]), slice(None))
    for row, prompt in enumerate((short, long)):
        alone = answers(text_of(base, [prompt]), slice(row, row + 1))
        assert torch.allclose(together[row], alone[0], atol=2e-5)
    joined = Text.cat([text_of(base, [short]), text_of(base, [long])])
    if joined.mask is not None:
        joined.hidden[~joined.mask] = 77.0
        assert not joined.mask.all()
    assert torch.allclose(answers(joined, slice(None)), together, atol=2e-5)


def test_every_site_is_where_and_as_wide_as_the_table_says(base: LoadedBase) -> None:
    sites: tuple[Site, ...] = (*base.sites, *base.conv_sites)
    assert {site.path for site in sites if tuple(base.part(site).weight.shape) != site.shape} == set()
    assert len({site.key for site in sites}) == len(sites)


def test_training_towards_the_right_answer_arrives_at_the_picture(base: LoadedBase) -> None:
    """An answer of loss 0, walked by the base's own sampler, ends at the clean latents: target and sampler mean the same."""
    objective = objective_of(base, min_snr_gamma=None)
    clean, start = noise(base, 2, seed=8), noise(base, 2, seed=9)
    scheduler = timesteps(base)
    flow = base.prediction == "flow"
    first = scheduler.timesteps[:1] / 1000 if flow else scheduler.timesteps[:1]
    latents = objective.add_noise(clean, start, first.expand(2))
    for timestep in scheduler.timesteps:
        moment = (timestep / 1000 if flow else timestep).expand(2)
        answer = objective.target(clean, start, moment)
        assert losses(objective, answer, clean, start, moment).abs().max() == 0
        latents = scheduler.step(answer, timestep, latents, return_dict=False)[0]
    assert (latents - clean).abs().max() < (1e-5 if flow else 0.15), "DDIM ends one small step from the picture"


def test_moments_are_told_as_its_scheduler_counts_them(base: LoadedBase) -> None:
    objective = objective_of(base, min_snr_gamma=None)
    moments = objective.draw(4000, torch.Generator().manual_seed(0))
    clock = objective.clock(moments).float()
    assert 0 <= clock.min() < 60 and 940 < clock.max() <= 1000
    assert moments.shape == (4000,)


def test_the_sdxl_base_is_told_the_framing_as_the_pipeline_tells_it(folder_of: Callable[[str], Path]) -> None:
    base = load(BaseModelRef(family="sdxl", source=str(folder_of("sdxl"))))
    pipe = base.family.pipeline_of(base)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = DDIMScheduler.from_config(base.scheduler_config)
    start = noise(base, 2)
    theirs = pipe(
        list(PROMPTS), height=SIDE, width=SIDE, num_inference_steps=STEPS, guidance_scale=CFG, latents=start.clone(),
        original_size=(300, 200), crops_coords_top_left=(11, 5), target_size=(SIDE, SIDE), output_type="pt",
    ).images  # fmt: skip
    framed = Framing(width=SIDE, height=SIDE, original_width=200, original_height=300, left=5, top=11)
    ours = paint(base, start, [framed] * 2)
    assert torch.allclose(ours, theirs, atol=2e-5)
    assert not torch.allclose(ours, paint(base, start, [Framing.whole(SIDE, SIDE)] * 2), atol=1e-4)


def test_clip_skip_counts_as_diffusers_does(folder_of: Callable[[str], Path]) -> None:
    base = load(BaseModelRef(family="sdxl", source=str(folder_of("sdxl"))))
    pipe = base.family.pipeline_of(base)
    with torch.no_grad():
        hidden, _, pooled, _ = pipe.encode_prompt(
            PROMPTS[0], device="cpu", do_classifier_free_guidance=False, clip_skip=1
        )
    ours = text_of(base, PROMPTS[:1], clip_skip=1)
    assert ours.pooled is not None
    assert torch.allclose(ours.hidden, hidden, atol=1e-6) and torch.allclose(ours.pooled, pooled, atol=1e-6)
    assert not torch.allclose(text_of(base, PROMPTS[:1]).hidden, hidden, atol=1e-3)


def test_an_empty_text_is_zeros_only_where_the_base_was_taught_so(folder_of: Callable[[str], Path]) -> None:
    base = load(BaseModelRef(family="sdxl", source=str(folder_of("sdxl"))))
    assert base.is_empty_zero
    text = text_of(base, ["", "a hat"])
    assert text.pooled is not None
    assert text.hidden[0].abs().max() == text.pooled[0].abs().max() == 0
    assert text.hidden[1].abs().min(-1).values.max() > 0 and text.pooled[1].abs().max() > 0
    assert text_of(replace(base, is_empty_zero=False), [""]).hidden.abs().max() > 0
