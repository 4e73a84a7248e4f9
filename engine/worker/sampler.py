"""Pictures from prompts, one denoising step at a time, so that other work can go in between."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import torch
from diffusers import DPMSolverMultistepScheduler
from PIL import Image

from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.worker.adapters import active


def draw(
    base: LoadedBase,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    steps: int,
    cfg: float,
    width: int,
    height: int,
    negative: str = "",
    strengths: Mapping[str, float] | None = None,
) -> Generator[None, None, list[Image.Image]]:
    """One RGB picture per (prompt, seed); yields between denoising steps and holds nothing of the base meanwhile.

    DPM++ 2M Karras. Each picture starts from its own generator and shares nothing with its neighbours, so it is the
    same in any batch, as far as floating point allows. `strengths` names adapters that are on the base.
    """
    strengths = strengths or {}
    guided = cfg > 1
    with active(base, strengths), torch.no_grad():
        said = [*([negative] * len(prompts) if guided else []), *prompts]
        text = base.family.encode_tokens(base, base.family.tokens_of(base, said))
        told = base.family.conditions(base, [Framing.whole(width, height)] * len(said))
    scheduler = DPMSolverMultistepScheduler.from_config(
        base.scheduler_config, use_karras_sigmas=True, algorithm_type="dpmsolver++"
    )
    assert isinstance(scheduler, DPMSolverMultistepScheduler)
    scheduler.set_timesteps(steps, device=base.device)
    shape = (1, base.spec.latent_channels, height // base.factor, width // base.factor)
    starts = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    latents = torch.cat(starts).to(base.device) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        with active(base, strengths), torch.no_grad():
            noisy = scheduler.scale_model_input(torch.cat([latents, latents]) if guided else latents, timestep)
            said = base.family.forward(base, noisy, timestep, text, told)
            if guided:
                without, towards = said.chunk(2)
                said = without + cfg * (towards - without)
            latents = scheduler.step(said, timestep, latents, return_dict=False)[0]
        yield
    with torch.no_grad():
        pixels = (
            base.family.decode_latents(base, latents)
            .mul(255)
            .round()
            .to("cpu", torch.uint8)
            .permute(0, 2, 3, 1)
            .numpy()
        )
    return [Image.fromarray(picture) for picture in pixels]
