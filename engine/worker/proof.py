"""That a written LoRA file is what was meant: read by the loader everybody else's tools use, and held against the weights.

diffusers' loader hangs its adapters into the models it is given, so it is given a *shell* of the base: the same classes with the
same configs, whose weights are all one zero in memory. The base that people paint on is never touched.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import torch
from diffusers.utils.peft_utils import delete_adapter_layers
from peft.tuners.lora import LoraLayer
from torch import nn

from engine.errors import BadInput, EngineError
from engine.families.loaded import LoadedBase
from engine.files import lora

NAME = "proof"


class Shell:
    """Of one base. It holds no weights to speak of."""

    def __init__(self, base: LoadedBase) -> None:
        self._target = lora.target_of(base)
        self._base = replace(base, denoiser=_empty(base.denoiser), encoders=tuple(map(_empty, base.encoders)))
        self._sites = (*base.sites, *base.conv_sites)

    def prove(self, data: bytes, weights: lora.Weights) -> lora.LoraFile:
        """`data` as a file of ours, once every module of it is `weights` up to fp16's rounding. Raises EngineError."""
        try:
            file = lora.read(data, self._target)
            found = self._loaded(lora.kohya(file.weights))
        except (BadInput, ValueError, KeyError, RuntimeError, IndexError) as error:
            raise EngineError(NOT_PROVEN) from error
        if found.keys() != weights.keys() or not all(_same(found[key], weights[key]) for key in weights):
            raise EngineError(NOT_PROVEN)
        return file

    def _loaded(self, tensors: dict[str, torch.Tensor]) -> dict[str, tuple[torch.Tensor, torch.Tensor, float]]:
        """Through diffusers' loader, by site key: down, up and what their product is multiplied by."""
        base = self._base
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # diffusers loses alphas that differ within a text encoder, and says so; the comparison sees it.
            warnings.filterwarnings("ignore", message="The following alpha_pattern keys")
            try:
                base.family.pipeline_of(base).load_lora_weights(tensors, adapter_name=NAME)
                found: dict[str, tuple[torch.Tensor, torch.Tensor, float]] = {}
                for site in self._sites:
                    layer: Any = base.part(site)
                    if isinstance(layer, LoraLayer) and NAME in layer.lora_A:
                        halves: Any = layer.lora_A[NAME], layer.lora_B[NAME]
                        found[site.key] = (
                            halves[0].weight.detach(),
                            halves[1].weight.detach(),
                            float(layer.scaling[NAME]),
                        )
                return found
            finally:
                for host in base.hosts:
                    delete_adapter_layers(host, NAME)


NOT_PROVEN = "A saved epoch did not read back as it was written, so it was not published. Tell the owner of this bot."


def _same(theirs: tuple[torch.Tensor, torch.Tensor, float], ours: tuple[torch.Tensor, torch.Tensor, float]) -> bool:
    """Equal halves and scales; or, as some of diffusers' loaders have it, with the scale multiplied into the down half."""
    scale = ours[2] / len(ours[0])
    down, up = (half.to("cpu", torch.float16) for half in ours[:2])
    if not torch.equal(theirs[1].to("cpu", torch.float16), up.view_as(theirs[1])):
        return False
    their_down = theirs[0].to("cpu", torch.float16)
    if math.isclose(theirs[2], scale, rel_tol=1e-6):
        return torch.equal(their_down, down.view_as(their_down))
    told = their_down.float() * theirs[2]
    return torch.allclose(told, down.view_as(told).float() * scale, rtol=1e-3, atol=1e-7)


def _empty(module: Any) -> nn.Module:
    """The same model with no memory of its own: every weight and buffer is one zero, shown in the weight's shape."""
    with torch.device("meta"):
        made: nn.Module = (
            type(module).from_config(module.config) if hasattr(module, "from_config") else type(module)(module.config)
        )
    zero = torch.zeros(())
    for part in made.modules():
        for name, weight in part.named_parameters(recurse=False):
            setattr(part, name, nn.Parameter(zero.expand(weight.shape), requires_grad=False))
        for name, buffer in part.named_buffers(recurse=False):
            setattr(part, name, zero.to(buffer.dtype).expand(buffer.shape))
    return made.eval()
