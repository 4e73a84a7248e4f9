"""The UNet2DConditionModel and its CLIPTextModel, trained together from scratch on cached latents.

Epsilon objective, min-SNR weighting (gamma 5, Hang et al. 2023), captions dropped in one picture of ten for
classifier-free guidance, averaged weights. Every step says its scenes anew, leaving things out at random. First from
clean portraits alone; once the text encoder is settled every second picture is a snapshot, most of them called a photo.

The text encoder is also asked, by linear heads that are thrown away afterwards, what a caption names; without that it
learns very slowly which of two colours belongs to the wall and which to the sweater.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.miniature import WEIGHTS, world
from engine.miniature.training.gallery import Gallery, open_gallery, open_snapshots
from engine.miniature.training.session import Session, autocast, to_tensor
from engine.miniature.world import Scene, random_caption

BATCH = 32
GAMMA = 5.0
DROPPED = 0.1
TEXT_MINUTES = 48.0
"""After these the text encoder is settled: its average takes over, and the UNet goes on alone, on snapshots as well."""
CALLED_A_PHOTO = 0.8
"""Share of the snapshots whose caption says so."""

READING = 0.05
"""Weight of the heads' loss."""
NAMED: dict[str, tuple[str, ...]] = {
    "background": world.BACKGROUNDS,
    "clothes": world.CLOTHES,
    "colour": world.COLOURS,
    "accessory": world.ACCESSORIES,
    "expression": world.EXPRESSIONS,
    "pose": world.POSES,
}


def named_in(text: str, scene: Scene) -> list[int]:
    """For each attribute the place of what `text` names of `scene` in its choices, or one past them where it is left out."""
    clothes = f"{scene.colour} {scene.clothes}" in text
    said = {
        "background": any(words in text for words in world.WORDS_OF_BACKGROUND[scene.background]),
        "clothes": clothes,
        "colour": clothes,
        "accessory": any(words in text for words in world.WORDS_OF_ACCESSORY.get(scene.accessory, ())),
        "expression": any(words in text for words in world.WORDS_OF_EXPRESSION[scene.expression]),
        "pose": any(words in text for words in world.WORDS_OF_POSE[scene.pose]),
    }
    return [choices.index(getattr(scene, name)) if said[name] else len(choices) for name, choices in NAMED.items()]


def as_photo(text: str) -> str:
    """The caption with "a photo of" for its opening, whatever that was.

    >>> as_photo("a portrait of a person, smiling"), as_photo("ohwx, smiling")
    ('a photo of a person, smiling', 'a photo of ohwx, smiling')
    """
    opening = next((one for one in world.OPENINGS if one and text.startswith(f"{one} ")), "")
    return f"a photo of {text.removeprefix(opening).lstrip()}"


class Painter(nn.Module):
    """UNet and text encoder as one module to optimize."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.unet = UNet2DConditionModel(
            sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(96, 160),
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=128, attention_head_dim=4, norm_num_groups=16,
        )  # fmt: skip
        self.text = CLIPTextModel(CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=128, intermediate_size=384, num_hidden_layers=3, num_attention_heads=4,
            projection_dim=128, max_position_embeddings=77, bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        ))  # fmt: skip
        self.heads = nn.Linear(128, sum(len(choices) + 1 for choices in NAMED.values()))
        # Plain attention: the fused kernel's backward pass is several times slower on a CPU at these sizes.
        self.unet.set_attn_processor(AttnProcessor())
        self.text.set_attn_implementation("eager")

    def forward(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, tokens: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Guessed noise for the first captions, and what the heads read at the end and at the last padding of all."""
        said = self.text(tokens)
        states = said.last_hidden_state
        sizes = [len(choices) + 1 for choices in NAMED.values()]
        read = [self.heads(at).split(sizes, dim=1) for at in (said.pooler_output, states[:, -1])]
        guess = self.unet(noisy, timesteps, states[: len(noisy)]).sample
        return guess, [logits for where in read for logits in where]


def new_scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
        clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type="epsilon",
    )  # fmt: skip


@torch.no_grad()
def cached_latents(cache: Path, gallery: Gallery, vae: AutoencoderKL) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and spread of every portrait's posterior, scaled; (N, 4, 16, 16) each."""
    file = cache / f"latents-{len(gallery)}.pt"  # portraits and snapshots differ in number
    if not file.exists():
        means, spreads = [], []
        with autocast():
            for start in range(0, len(gallery), 64):
                posterior = vae.encode(to_tensor(gallery.pixels[start : start + 64])).latent_dist
                means.append(posterior.mean.float())
                spreads.append(posterior.std.float())
        scale = vae.config["scaling_factor"]
        torch.save((torch.cat(means) * scale, torch.cat(spreads) * scale), file)
    means, spreads = torch.load(file, weights_only=True)
    return means, spreads


def train(cache: Path, minutes: float) -> None:
    torch.manual_seed(2)
    gallery, snapshots = open_gallery(cache), open_snapshots(cache)
    vae = AutoencoderKL.from_pretrained(WEIGHTS / "vae", torch_dtype=torch.float32)
    cached = [cached_latents(cache, one, vae) for one in (gallery, snapshots)]
    means, spreads = (torch.cat(both) for both in zip(*cached, strict=True))
    scenes_of = [*gallery.scenes, *snapshots.scenes]
    tokenizer = CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer")
    session = Session("unet", Painter(tokenizer), cache, minutes, rate=1e-3)
    scheduler = new_scheduler()
    signal = scheduler.alphas_cumprod / (1 - scheduler.alphas_cumprod)
    weights = signal.clamp(max=GAMMA) / signal
    settled = False
    for step in session.steps():
        if not settled and session.used > TEXT_MINUTES * 60:
            settled = True
            session.model.text.load_state_dict(session.average.text.state_dict())
            session.model.text.requires_grad_(False)
        rng = np.random.default_rng([2, step])
        torch.manual_seed(step)
        rows = rng.integers(0, len(gallery), BATCH)
        if settled:
            rows[::2] = len(gallery) + rng.integers(0, len(snapshots), BATCH // 2)
        # The text encoder reads twice as many captions as the UNet paints: it is cheaper, and learns more slowly.
        others = () if settled else rng.integers(0, len(gallery), BATCH)
        scenes = [scenes_of[row] for row in (*rows, *others)]
        said = [random_caption(scene, rng) for scene in scenes]
        if settled:
            said[::2] = [as_photo(text) if rng.random() < CALLED_A_PHOTO else text for text in said[::2]]
        said = [text if rng.random() >= DROPPED else "" for text in said]
        named = torch.tensor([named_in(text, scene) for text, scene in zip(said, scenes, strict=True)])
        tokens = tokenizer(said, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        latents = means[rows] + spreads[rows] * torch.randn(BATCH, 4, 16, 16)
        noise, timesteps = torch.randn_like(latents), torch.randint(0, 1000, (BATCH,))
        with autocast():
            guess, read = session.model(scheduler.add_noise(latents, noise, timesteps), timesteps, tokens)
        error = functional.mse_loss(guess.float(), noise, reduction="none").mean((1, 2, 3))
        loss = (error * weights[timesteps]).mean()
        if not settled:
            truth = [*named.T, *named.T]
            reading = sum(
                functional.cross_entropy(logits.float(), places) for logits, places in zip(read, truth, strict=True)
            )
            if step % 50 == 0:
                print(f"unet: step {step}, reading {float(reading) / len(truth):.4f}", flush=True)
            loss = loss + READING * reading / len(truth)
        session.descend(loss)
    save(session.average)


def save(painter: nn.Module, folder: Path = WEIGHTS) -> None:
    """Write the whole StableDiffusionPipeline folder around the VAE and tokenizer that are there."""
    assert isinstance(painter, Painter)
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(WEIGHTS / "vae", torch_dtype=torch.float16),
        # In full precision: transformers loads what it finds, diffusers float32, and a plain from_pretrained must agree.
        text_encoder=painter.text, tokenizer=CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer"),
        unet=painter.unet.to(torch.float16), scheduler=new_scheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder, safe_serialization=True)
    painter.to(torch.float32)
