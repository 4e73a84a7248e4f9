"""A LoRA from a file, whatever tool wrote it, as one form in memory; no side is trusted.

Read in this order, and refused at the first thing that does not hold: the header, the kind (a plain LoRA), the names
(all of them known to the base), the shapes, the ranks, the numbers. Every refusal is one sentence for whoever sent it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch

from engine.errors import BadInput
from engine.families.sites import Site
from engine.files import header, tensors
from engine.files.header import Entry, Header
from engine.files.names import Dialect, Index, Role, other_kind, parse

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase

WHAT = "LoRA file"
NOT_OURS = f"This {WHAT} cannot be used: "
MAX_BYTES = 2**30
MAX_RANK = 512

Weights = Mapping[str, tuple[torch.Tensor, torch.Tensor, float]]
"""By key of the frozen table: down (rank, in[, kh, kw]), up (out, rank[, 1, 1]) and alpha."""


@dataclass(frozen=True, slots=True)
class Target:
    """The base that a file is read for."""

    name: str
    title: str
    """Of its family."""
    sites: tuple[Site, ...]
    shapes: Mapping[str, tuple[int, ...]]
    """Of the base's own weight, by site key."""


@dataclass(frozen=True, slots=True, eq=False)
class LoraFile:
    weights: Weights
    """In the file's dtype, on the CPU, in the shapes the base wants."""
    metadata: dict[str, str]
    dialect: Dialect
    hash: str
    """SHA-256 of the weights as they lie in the file; galleries call its first 12 digits AutoV3."""

    @property
    def trigger(self) -> str | None:
        return self.metadata.get("modelspec.trigger_phrase") or None

    @property
    def short_hash(self) -> str:
        """As web UIs write it into pictures."""
        return self.hash[:12]


def target_of(base: LoadedBase) -> Target:
    shapes: dict[str, tuple[int, ...]] = {}
    for site in base.sites:
        layer = base.part(site)
        weight = cast(torch.Tensor, getattr(layer, "base_layer", layer).weight)
        shapes[site.key] = tuple(weight.shape)
    return Target(base.name, base.spec.title, base.sites, shapes)


def read(data: bytes, target: Target) -> LoraFile:
    """The file as weights for `target`; BadInput with one sentence where it cannot be that."""
    head = header.of_bytes(data, WHAT, MAX_BYTES)
    if not head.entries:
        raise BadInput(NOT_OURS + "it holds no weights. Export it again.")
    kind = other_kind(head.names)
    if kind is not None:
        raise BadInput(NOT_OURS + f"it is {kind}, and plain LoRAs are supported. Convert it to a plain LoRA first.")
    modules, dialect = _modules(head, target)
    for site in target.sites:
        if site.key in modules:
            _check(site.key, modules[site.key], target)
    decoded = tensors.decode(data, head, WHAT)
    weights = {
        site.key: _halves(
            {role: decoded[entry.name] for role, entry in modules[site.key].items()}, target.shapes[site.key]
        )
        for site in target.sites
        if site.key in modules
    }
    return LoraFile(weights, head.metadata, dialect, tensors.data_hash(data, head))


def kohya(weights: Weights) -> dict[str, torch.Tensor]:
    """The tensors of a kohya file: halves as they are, alpha as a scalar of fp32."""
    flat: dict[str, torch.Tensor] = {}
    for key, (down, up, alpha) in weights.items():
        flat[f"{key}.lora_down.weight"], flat[f"{key}.lora_up.weight"] = down, up
        flat[f"{key}.alpha"] = torch.tensor(alpha, dtype=torch.float32)
    return flat


def write(weights: Weights, metadata: Mapping[str, str]) -> bytes:
    """The kohya file: fp16 weights, the true alpha in fp32. Equal input gives equal bytes."""
    halved = {key: (down.half(), up.half(), alpha) for key, (down, up, alpha) in weights.items()}
    return tensors.encode(kohya(halved), metadata, hashed=True)


def _modules(head: Header, target: Target) -> tuple[dict[str, dict[Role, Entry]], Dialect]:
    """The file's tensors by site key and role, and how it is written."""
    index, dialect = Index(target.sites), Dialect.KOHYA
    found: dict[str, dict[Role, Entry]] = {}
    for entry in head.entries:
        parsed = parse(entry.name)
        if parsed is None:
            raise BadInput(
                NOT_OURS + f'it is no LoRA: nothing is known by the name "{_short(entry.name)}". Take a LoRA file.'
            )
        site = index.find(parsed.module)
        if site is None:
            raise BadInput(
                f"This LoRA file does not fit {target.name}: it changes parts that {target.title} does not have or that are "
                f'not supported here ("{_short(parsed.module)}"). Take one that was trained for this family.'
            )
        if parsed.role is not Role.ALPHA:
            dialect = parsed.dialect
        parts = found.setdefault(site.key, {})
        if parsed.role in parts:
            raise BadInput(NOT_OURS + f'it says twice what to do with "{_short(parsed.module)}". Export it again.')
        parts[parsed.role] = entry
    return found, dialect


def _check(key: str, parts: Mapping[Role, Entry], target: Target) -> None:
    """Whether one module's halves fit each other and the base, by their shapes alone."""
    if Role.DOWN not in parts or Role.UP not in parts:
        raise BadInput(NOT_OURS + f'half of "{key}" is missing. Export it again.')
    down, up = parts[Role.DOWN].shape, parts[Role.UP].shape
    rank = down[0] if down else 0
    mid = parts[Role.MID].shape if Role.MID in parts else None
    if mid is not None:
        if len(mid) != 4 or mid[:2] != (rank, rank) or len(down) != 4 or down[2:] != (1, 1):
            rank = 0
        else:
            down = (rank, down[1], *mid[2:])
    sound = rank > 0 and len(down) in (2, 4) and (len(up) == 2 or (len(up) == 4 and up[2:] == (1, 1))) and up[1] == rank
    if not sound:
        raise BadInput(NOT_OURS + f'the halves of "{key}" do not fit together. Export it again.')
    if rank > MAX_RANK:
        raise BadInput(
            NOT_OURS + f"its rank is {rank}, and ranks up to {MAX_RANK} are loaded. Resize it, or take a smaller one."
        )
    if Role.ALPHA in parts and _count(parts[Role.ALPHA].shape) != 1:
        raise BadInput(NOT_OURS + f'the alpha of "{key}" is no single number. Export it again.')
    wanted = target.shapes[key]
    if (down[1], up[0], _count(down[2:])) != (wanted[1], wanted[0], _count(wanted[2:])):
        raise BadInput(
            f'This LoRA file does not fit {target.name}: it was made for a base of another size ("{key}" goes from '
            f"{down[1]} to {up[0]} values there and from {wanted[1]} to {wanted[0]} here). Take one that was trained for it."
        )


def _halves(parts: Mapping[Role, torch.Tensor], wanted: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor, float]:
    """One checked module's halves in the base's shape."""
    down, up, alpha = parts[Role.DOWN], parts[Role.UP], parts.get(Role.ALPHA)
    rank = len(down)
    if Role.MID in parts:
        # (rank, in, 1, 1) and (rank, rank, kh, kw) in a row are one convolution (rank, in, kh, kw).
        down = torch.einsum("rshw,si->rihw", parts[Role.MID].float(), down[:, :, 0, 0].float()).to(down.dtype)
    ones = (1,) * (len(wanted) - 2)
    number = float(rank if alpha is None else alpha)
    return down.reshape(rank, *wanted[1:]), up.reshape(wanted[0], rank, *ones), number


def _count(sides: tuple[int, ...]) -> int:
    count = 1
    for side in sides:
        count *= side
    return count


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."
