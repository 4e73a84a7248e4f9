"""LoRA adapters on a base that several jobs share.

PEFT and diffusers change global things when they load an adapter: which one is active, which parameters want
gradients, whether a module trains. A training in progress must notice none of that, so everything goes through here:
`quietly` puts all of it back, and `active` chooses adapters for one stretch of computing. Neither may be held over a
`yield`: between two steps the base belongs to whoever comes next.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn

from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.families.sites import Part


def name_of(purpose: str, job_id: str) -> str:
    """An adapter's name for a job: whatever letters its id has, PEFT gets none it would trip over."""
    return f"{purpose}_{hashlib.sha256(job_id.encode()).hexdigest()[:16]}"


@contextmanager
def quietly(base: LoadedBase) -> Generator[None, None, None]:
    """Whatever happens inside, the flags of the base and of all adapters that were there before are as before."""
    wants = [(parameter, parameter.requires_grad) for host in base.hosts for parameter in host.parameters()]
    chosen = [(layer, layer.active_adapters.copy()) for layer in _layers(base)]
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # PEFT warns of a second adapter on one model, which is what this module is for.
            warnings.filterwarnings("ignore", message="Already found a `peft_config`")
            # diffusers misreads alphas that differ within a text encoder; `heed_alphas` sets them right.
            warnings.filterwarnings("ignore", message="The following alpha_pattern keys")
            yield
    finally:
        for parameter, flag in wants:
            parameter.requires_grad_(flag)
        for layer in _layers(base):
            layer._active_adapter = []  # pyright: ignore[reportPrivateUsage]
        for layer, names in chosen:
            layer._active_adapter = names  # pyright: ignore[reportPrivateUsage]
        for host in base.hosts:
            host.eval()


@contextmanager
def active(base: LoadedBase, strengths: Mapping[str, float]) -> Generator[None, None, None]:
    """Compute with exactly these adapters at these strengths; none: with the bare base."""
    names = list(strengths)
    layers = _layers(base)
    before = [layer.active_adapters for layer in layers]
    for layer in layers:
        for name in names:
            layer.set_scale(name, strengths[name])
        layer._active_adapter = names  # pyright: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer._active_adapter = was  # pyright: ignore[reportPrivateUsage]


def attach(
    base: LoadedBase, name: str, *, rank: int, alpha: float, text_encoder: bool, seed: int
) -> dict[str, nn.Parameter]:
    """A fresh adapter to be trained, at every site (the text encoder's too if asked), as float32.

    Returns its parameters in the table's order, named "KEY.down" and "KEY.up". Down starts as Kaiming's uniform (the
    same as kohya and PEFT) from a generator of its own, up starts at zero, so that the first step sees the bare base.
    """
    sites = [site for site in base.sites if site.part == "denoiser" or text_encoder]
    draw = torch.Generator().manual_seed(seed)
    with quietly(base):
        parts: list[Part] = list(dict.fromkeys(site.part for site in sites))
        for part in parts:
            host, paths = base.host(part), [site.path for site in sites if site.part == part]
            if paths:
                if part != "denoiser" and hasattr(host, "text_model"):
                    paths = [f"text_model.{path}" for path in paths]
                config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=paths, lora_dropout=0.0)  # pyright: ignore[reportArgumentType]
                inject_adapter_in_model(config, host, name)
                host._hf_peft_config_loaded = True  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
    parameters: dict[str, nn.Parameter] = {}
    for site in sites:
        down, up = _weights(base.part(site), name)
        bound = down[0].numel() ** -0.5
        with torch.no_grad():
            down.data = torch.empty(down.shape).uniform_(-bound, bound, generator=draw).to(base.device)
            up.data = torch.zeros(up.shape, device=base.device)
        parameters[f"{site.key}.down"], parameters[f"{site.key}.up"] = down, up
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    return parameters


def load(base: LoadedBase, name: str, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put a checked LoRA file on the base through diffusers' own loader, the one everybody else's tools use."""
    with quietly(base):
        try:
            base.family.pipeline_of(base).load_lora_weights(
                {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()},
                adapter_name=name,
            )
        except (ValueError, KeyError, RuntimeError, IndexError) as error:
            detach(base, name)
            raise BadInput("This LoRA file does not fit the base model: it was made for another one.") from error
    for host in base.hosts:
        for parameter_name, parameter in host.named_parameters():
            if f".{name}." in parameter_name:
                parameter.requires_grad_(False)


def heed_alphas(base: LoadedBase, name: str, weights: Mapping[str, tuple[torch.Tensor, torch.Tensor, float]]) -> None:
    """Give every module of a loaded adapter the alpha its file says."""
    for site in base.sites:
        layer = base.part(site)
        if isinstance(layer, LoraLayer) and name in layer.lora_A:
            layer.lora_alpha[name] = weights[site.key][2]
            layer.set_scale(name, 1.0)


def detach(base: LoadedBase, name: str) -> None:
    """Take an adapter off again; nothing happens where there is none."""
    from diffusers.utils.peft_utils import delete_adapter_layers

    with quietly(base):
        for host in base.hosts:
            delete_adapter_layers(host, name)


def state(base: LoadedBase, name: str) -> dict[str, tuple[torch.Tensor, torch.Tensor, float]]:
    """What adapter `name` is, by file key: down, up (detached, no copies) and alpha."""
    found: dict[str, tuple[torch.Tensor, torch.Tensor, float]] = {}
    for site in base.sites:
        layer = base.part(site)
        if isinstance(layer, LoraLayer) and name in layer.lora_A:
            down, up = _weights(layer, name)
            found[site.key] = (down.detach(), up.detach(), float(layer.lora_alpha[name]))
    return found


def _layers(base: LoadedBase) -> list[Any]:
    return [module for host in base.hosts for module in host.modules() if isinstance(module, LoraLayer)]


def _weights(layer: nn.Module, name: str) -> tuple[nn.Parameter, nn.Parameter]:
    assert isinstance(layer, LoraLayer)
    return layer.lora_A[name].weight, layer.lora_B[name].weight  # pyright: ignore[reportReturnType]
