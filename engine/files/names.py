"""What one place of a base is called in the files of other tools. No torch here.

Every dialect says the same three things about a tensor: which module it belongs to, whether it is the down or the up
half, and how. A module is looked up in an index made from the frozen table, so nothing is ever guessed from a name: what
is not in the index is left over and named.

    kohya          lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight
    kohya on SGM   lora_unet_input_blocks_1_1_proj_in.lora_down.weight
    PEFT           base_model.model.down_blocks.0.attentions.0.proj_in.lora_A.weight
    diffusers      unet.down_blocks.0.attentions.0.proj_in.lora.down.weight
    older ones     unet.(...).attn1.processor.to_q_lora.down.weight
    of a DiT       transformer.layers.0.attention.to_q.lora_A.weight, or diffusion_model.(...)
    in one piece   diffusion_model.layers.0.attention.qkv.lora_A.weight: to_q, to_k and to_v with one down half
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.families.sites import Site


class Role(StrEnum):
    DOWN = "down"
    UP = "up"
    MID = "mid"
    """The middle of a convolution in three parts (Tucker), folded into the down half when read."""
    ALPHA = "alpha"


class Dialect(StrEnum):
    KOHYA = "kohya"
    DIFFUSERS = "diffusers"
    PEFT = "peft"


@dataclass(frozen=True, slots=True)
class TensorName:
    """A tensor's name, taken apart."""

    module: str
    role: Role
    dialect: Dialect


ENDINGS: tuple[tuple[re.Pattern[str], Role, Dialect], ...] = (
    (re.compile(r"\.lora_down\.weight$"), Role.DOWN, Dialect.KOHYA),
    (re.compile(r"\.lora_up\.weight$"), Role.UP, Dialect.KOHYA),
    (re.compile(r"\.lora_mid\.weight$"), Role.MID, Dialect.KOHYA),
    (re.compile(r"\.alpha$"), Role.ALPHA, Dialect.KOHYA),
    (re.compile(r"\.lora_A(\.\w+)?\.weight$"), Role.DOWN, Dialect.PEFT),
    (re.compile(r"\.lora_B(\.\w+)?\.weight$"), Role.UP, Dialect.PEFT),
    (re.compile(r"(\.lora|\.lora_linear_layer|_lora)\.down\.weight$"), Role.DOWN, Dialect.DIFFUSERS),
    (re.compile(r"(\.lora|\.lora_linear_layer|_lora)\.up\.weight$"), Role.UP, Dialect.DIFFUSERS),
)
OTHER_KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\.dora_scale$|lora_magnitude_vector"), "a DoRA"),
    (re.compile(r"\.hada_"), "a LoHa"),
    (re.compile(r"\.lokr_"), "a LoKr"),
    (re.compile(r"\.oft_"), "an OFT"),
    (re.compile(r"^bundle_emb\."), "a LoRA with learned words packed in"),
    (re.compile(r"\.(diff|diff_b|w_norm|b_norm)$"), "a LoRA with whole layers in it"),
    (re.compile(r"\.(a1|a2|b1|b2)\.weight$"), "a GLoRA"),
    (re.compile(r"\.lora_(A|B|up|down)(\.\w+)?\.bias$"), "a LoRA with biases"),
)
PARTS = ("unet.", "transformer.", "text_encoder.", "text_encoder_2.", "diffusion_model.")
OLD_ATTENTION = {"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out": "to_out.0"}
OLD_TEXT = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}
SGM_RESNET = {
    "conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection",
}  # fmt: skip


def parse(name: str) -> TensorName | None:
    """The parts of a tensor's name, or None where no dialect knows it."""
    for pattern, role, dialect in ENDINGS:
        match = pattern.search(name)
        if match:
            module = _modern(name[: match.start()])
            # diffusers names PEFT's halves by the part they belong to, PEFT by its own wrapper.
            is_hosted = dialect is Dialect.PEFT and module.startswith(PARTS)
            return TensorName(module, role, Dialect.DIFFUSERS if is_hosted else dialect)
    return None


def other_kind(names: Iterable[str]) -> str | None:
    """What the file is where it is no plain LoRA but a relative: "a DoRA" and so on."""
    for name in names:
        for pattern, kind in OTHER_KINDS:
            if pattern.search(name):
                return kind
    return None


def _modern(module: str) -> str:
    """A module's name without the detours of older diffusers (`.processor.to_q_lora`, `self_attn.to_q_lora`)."""
    stem, _, leaf = module.rpartition(".")
    if stem.endswith(".processor") and leaf in OLD_ATTENTION:
        return f"{stem.removesuffix('.processor')}.{OLD_ATTENTION[leaf]}"
    if stem.endswith(".self_attn") and leaf in OLD_TEXT:
        return f"{stem}.{OLD_TEXT[leaf]}"
    return module


class Index:
    """The sites of a base by every name a file may give them."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self._sites: dict[str, Site] = {}
        blocks = Blocks.of(sites)
        for site in sites:
            for name in _aliases(site, blocks):
                self._sites.setdefault(name, site)
        self._fused: dict[str, tuple[Site, ...]] = {}
        for fused, parts in _fused(sites):
            for name in _aliases(fused, blocks):
                self._fused.setdefault(name, parts)

    def find(self, module: str) -> Site | None:
        return self._sites.get(module.removeprefix("base_model.model."))

    def fused(self, module: str) -> tuple[Site, ...] | None:
        """The sites that a file takes as one layer, their outputs one behind the other."""
        return self._fused.get(module.removeprefix("base_model.model."))


def _fused(sites: Sequence[Site]) -> list[tuple[Site, tuple[Site, ...]]]:
    """Layers that a DiT's own code has in one piece where diffusers has three: ComfyUI and others write them so."""
    by_path = {site.path: site for site in sites}
    found: list[tuple[Site, tuple[Site, ...]]] = []
    for site in sites:
        stem, _, leaf = site.path.rpartition(".")
        if leaf == "to_q" and stem.endswith(".attention"):
            parts = tuple(by_path[f"{stem}.{name}"] for name in ("to_q", "to_k", "to_v"))
            path = f"{stem}.qkv"
            found.append((replace(site, path=path, key=f"{site.key.removesuffix(leaf)}qkv"), parts))
    return found


def _aliases(site: Site, blocks: Blocks) -> list[str]:
    if site.path.endswith(".attention.to_out.0"):
        short = {"path": site.path.removesuffix("to_out.0") + "out", "key": site.key.removesuffix("to_out.0") + "out"}
        return [*_names(site, blocks), *_names(replace(site, **short), blocks)]
    return _names(site, blocks)


def _names(site: Site, blocks: Blocks) -> list[str]:
    flat = site.path.replace(".", "_")
    if site.part == "denoiser":
        sgm = blocks.sgm(site.path)
        stability = [f"lora_unet_{sgm.replace('.', '_')}", f"unet.{sgm}"] if sgm else []
        hosts = ("unet", "transformer", "diffusion_model")
        return [
            site.key, f"lora_unet_{flat}", f"lora_transformer_{flat}", *stability, *(f"{host}.{site.path}" for host in hosts),
            site.path,
        ]  # fmt: skip
    names = [site.key]
    if site.key.startswith("lora_te_"):
        # Some tools number the only text encoder.
        names.append(site.key.replace("lora_te_", "lora_te1_", 1))
    for path in (f"text_model.{site.path}", site.path):
        names += [f"{site.part}.{path}", path]
    return names


@dataclass(frozen=True, slots=True)
class Blocks:
    """How a U-Net's blocks are numbered by Stability's own code (SGM), which sd-scripts uses for SDXL: straight through."""

    layers: int
    """In one block on the way down; 0 for what is no U-Net."""
    attentive: frozenset[int]
    """Blocks on the way up that have attentions."""

    @staticmethod
    def of(sites: Sequence[Site]) -> Blocks:
        down = [re.match(r"down_blocks\.\d+\.(?:attentions|resnets)\.(\d+)\.", site.path) for site in sites]
        up = [re.match(r"up_blocks\.(\d+)\.attentions\.", site.path) for site in sites]
        layers = max((int(match[1]) + 1 for match in down if match), default=0)
        return Blocks(layers, frozenset(int(match[1]) for match in up if match))

    def sgm(self, path: str) -> str | None:
        """The same module by SGM's name; None for what has none."""
        across = self.layers + 1
        match = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", path)
        if match:
            is_down, block, kind, layer, rest = match[1] == "down", int(match[2]), match[3], int(match[4]), match[5]
            if kind == "downsamplers":
                return f"input_blocks.{block * across + across}.0.op"
            if kind == "upsamplers":
                return f"output_blocks.{block * across + self.layers}.{2 if block in self.attentive else 1}.{rest}"
            number = block * across + layer + is_down
            side = "input_blocks" if is_down else "output_blocks"
            return f"{side}.{number}.{int(kind == 'attentions')}.{SGM_RESNET.get(rest, rest)}"
        match = re.match(r"mid_block\.(\w+)\.(\d+)\.(.+)", path)
        if match:
            number = 1 if match[1] == "attentions" else 2 * int(match[2])
            return f"middle_block.{number}.{SGM_RESNET.get(match[3], match[3])}"
        return None
