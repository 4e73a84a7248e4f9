"""The trainers that are held against each other: how each is started, in the settings that suit it best.

    ours                    every linear layer and 1x1 convolution of the U-Net's transformers, as sd-scripts
    ours, attention         the attention layers alone, as diffusers' script
    diffusers               train_dreambooth_lora(_sdxl).py: the prompt is encoded once; its VAE encodes in every step
    sd-scripts              (sdxl_)train_network.py: latents cached, of SDXL what the text encoders say too; of SD 1.5 it cannot
    diffusers, compiled     the same two under torch.compile, as accelerate and --torch_compile switch it on
    sd-scripts, compiled

The photos are as large as they are trained, so nobody scales them; nobody paints previews; text encoders are frozen; the base
lies in bf16 on an accelerator; AdamW, fused where it can be said; constant rate; no gradient checkpointing, no dropout.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.recipes.recipe import Targets
from tests.peers import marks
from tests.peers.marks import Marks
from tests.peers.weights import Weights
from tests.peers.workload import PROMPT, Photos, Workload

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in"
RATE = "1e-4"
QUIET = {
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1",
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
}  # fmt: skip
"""Nothing is looked for in the network and nothing is written into the checkouts."""
SCRIPTS = {
    "diffusers": {"sd15": "train_dreambooth_lora.py", "sdxl": "train_dreambooth_lora_sdxl.py"},
    "sd-scripts": {"sd15": "train_network.py", "sdxl": "sdxl_train_network.py"},
}
PLACES = {"diffusers": Path("examples") / "dreambooth", "sd-scripts": Path()}


@dataclass(frozen=True, slots=True)
class Checkout:
    """A peer's own code, and the Python that has what it needs."""

    peer: str
    folder: Path
    python: str
    stands_in: bool
    """Whether the stand-in for torchvision goes in front of its path."""

    @property
    def scripts(self) -> Path:
        return self.folder / PLACES[self.peer]

    @property
    def commit(self) -> str:
        """Of the checkout; "" where the folder is no git repository of its own."""
        if not (self.folder / ".git").exists():
            return ""
        asked = ["git", "-C", str(self.folder), "rev-parse", "HEAD"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


@dataclass(frozen=True, slots=True)
class Job:
    """What one run of a trainer is made from."""

    work: Workload
    weights: Weights
    photos: Photos
    out: Path


@dataclass(frozen=True, slots=True)
class Trainer:
    name: str
    targets: Targets
    """Which of our counted steps does the same work on the U-Net."""
    pattern: Callable[[], Marks]
    command: Callable[[Job], list[str]]
    cwd: Path
    environment: Mapping[str, str]
    files: str
    """Below the job's folder: one LoRA for each saved epoch, and nothing else that fits."""


def opened(peer: str, folder: Path, python: str, base: str) -> Checkout:
    """The checkout, looked at: ValueError with a sentence where it cannot be used."""
    found = Checkout(peer, folder.resolve(), python, stands_in=False)
    script = found.scripts / SCRIPTS[peer][base]
    if not script.is_file():
        raise ValueError(f"{peer}: there is no {script}. Name the folder of its repository.")
    asked = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise ValueError(f"{peer}: {python} cannot import torch. Name a Python that has what the script needs.")
    asked = subprocess.run([python, "-c", "import torchvision.transforms"], capture_output=True, check=False)
    return Checkout(peer, found.folder, python, stands_in=asked.returncode != 0)


def trainers(checkouts: Mapping[str, Checkout], work: Workload, *, compiled: bool) -> list[Trainer]:
    """All that can be run, ours first; `compiled` adds each peer under torch.compile."""
    found = [_ours("ours", Targets.FULL, work), _ours("ours, attention", Targets.ATTN, work)]
    for peer, made in (("diffusers", _diffusers), ("sd-scripts", _sd_scripts)):
        if peer in checkouts:
            found += [made(checkouts[peer], work, way) for way in ((False, True) if compiled else (False,))]
    return found


def _ours(name: str, targets: Targets, work: Workload) -> Trainer:
    def command(job: Job) -> list[str]:
        again = 25 if work.is_cuda else 1  # what an accelerator's first word comes after
        return [
            sys.executable, "-m", "tests.peers.ours", work.base, str(job.weights.folder), work.device, str(job.photos.plain),
            str(job.out), "--side", str(work.side), "--batch", str(work.batch), "--rank", str(work.rank), "--steps",
            str(work.steps), "--epochs", str(work.epochs), "--targets", targets.value, "--again", str(again),
        ]  # fmt: skip

    environment = {**os.environ, **_device(work), **QUIET, "PYTHONPATH": str(ROOT)}
    return Trainer(name, targets, lambda: Marks(marks.OURS), command, ROOT, environment, "epoch-*.safetensors")


def _diffusers(checkout: Checkout, work: Workload, compiled: bool) -> Trainer:
    def command(job: Job) -> list[str]:
        folder = job.weights.folder
        xl = ["--pretrained_vae_model_name_or_path", str(folder / "vae")]  # else its VAE computes in float32
        return [
            checkout.python, SCRIPTS["diffusers"][work.base], "--pretrained_model_name_or_path", str(folder),
            "--instance_data_dir", str(job.photos.linked), "--instance_prompt", PROMPT, "--output_dir", str(job.out),
            "--resolution", str(work.side), "--center_crop", "--train_batch_size", str(work.batch), "--rank", str(work.rank),
            "--max_train_steps", str(work.steps), "--checkpointing_steps", str(work.epoch_steps), "--learning_rate", RATE,
            "--lr_scheduler", "constant", "--lr_warmup_steps", "0", "--seed", "0", "--mixed_precision", work.precision,
            *(["--dataloader_num_workers", "4", "--allow_tf32"] if work.is_cuda else []),
            *(xl if work.base == "sdxl" else ["--pre_compute_text_embeddings"]),
        ]  # fmt: skip

    return Trainer(
        "diffusers, compiled" if compiled else "diffusers",
        Targets.ATTN,
        lambda: Marks(marks.TQDM),
        command,
        checkout.scripts,
        _environment(checkout, work) | ({"ACCELERATE_DYNAMO_BACKEND": "INDUCTOR"} if compiled else {}),
        "checkpoint-*/pytorch_lora_weights.safetensors",
    )


def _sd_scripts(checkout: Checkout, work: Workload, compiled: bool) -> Trainer:
    def command(job: Job) -> list[str]:
        fast = ["--optimizer_args", "fused=True", "--highvram", "--vae_batch_size", "4"]
        return [
            checkout.python, SCRIPTS["sd-scripts"][work.base], "--pretrained_model_name_or_path", str(job.weights.file),
            "--tokenizer_cache_dir", str(job.weights.tokenizers), "--train_data_dir", str(job.photos.captioned),
            "--caption_extension", ".txt", "--output_dir", str(job.out), "--output_name", "lora", "--save_model_as",
            "safetensors", "--save_precision", "fp16", "--save_every_n_epochs", "1", "--max_train_epochs", str(work.epochs),
            "--resolution", str(work.side), "--train_batch_size", str(work.batch), "--network_module", "networks.lora",
            "--network_dim", str(work.rank), "--network_alpha", str(work.rank), "--network_train_unet_only",
            "--learning_rate", RATE, "--lr_scheduler", "constant", "--optimizer_type", "AdamW", "--seed", "0",
            "--mixed_precision", work.precision, "--cache_latents", "--sdpa", "--max_data_loader_n_workers",
            *(["2", "--persistent_data_loader_workers", *fast] if work.is_cuda else ["0"]),
            *(["--cache_text_encoder_outputs"] if work.base == "sdxl" else []),
            *(["--torch_compile", "--dynamo_backend", "inductor"] if compiled else []),
        ]  # fmt: skip

    return Trainer(
        "sd-scripts, compiled" if compiled else "sd-scripts",
        Targets.FULL,
        lambda: Marks(marks.TQDM),
        command,
        checkout.scripts,
        _environment(checkout, work),
        "lora*.safetensors",
    )


def _environment(checkout: Checkout, work: Workload) -> dict[str, str]:
    """The caller's, without our own path: a peer imports its own code."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    path = {"PYTHONPATH": str(STAND_IN)} if checkout.stands_in else {}
    return {**kept, **_device(work), **QUIET, **path}


def _device(work: Workload) -> dict[str, str]:
    return {} if work.is_cuda else {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
