"""A LoRA from a file, whatever tool wrote it, as one form in memory; no side is trusted.

Read in this order, and refused at the first thing that does not hold: the header, the kind (a plain LoRA), the names
(all of them known to the base), the shapes and ranks, the numbers. Every refusal is one sentence for whoever sent it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.errors import BadInput
from engine.families.sites import Site
from engine.files import fused, header, targets, tensors
from engine.files.adapter import Alphas
from engine.files.header import Entry, Header
from engine.files.names import Dialect, Role, other_kind, parse
from engine.files.targets import Target

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase

WHAT = "LoRA file"
NOT_OURS = f"This {WHAT} cannot be used: "
MAX_BYTES = 2**30
MAX_RANK = 512
MAX_SCALE = 1000.0
"""Alpha by rank: a file beyond this was not trained but made up."""

Weights = Mapping[str, tuple[torch.Tensor, torch.Tensor, float]]
"""By key of the frozen table: down (rank, in[, kh, kw]), up (out, rank[, 1, 1]) and alpha."""


@dataclass(frozen=True, slots=True, eq=False)
class LoraFile:
    weights: Weights
    """In the file's dtype, on the CPU, in the shapes the base wants."""
    metadata: dict[str, str]
    dialect: Dialect
    target: Target
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
    return Target(base.name, base.spec, (*base.sites, *base.conv_sites))


def read(data: bytes, target: Target) -> LoraFile:
    """The file as weights for `target`; BadInput with one sentence where it cannot be that."""
    return _read(data, _checked(data), target)


def read_any(data: bytes) -> LoraFile:
    """The file as weights for whichever published family it was made for; BadInput where it is none of them."""
    head = _checked(data)
    target = targets.recognise(head)
    if target is None:
        kind = targets.guessed(head)
        names = [_short(entry.name) for entry in head.entries if parse(entry.name) is None]
        if names:
            raise BadInput(NOT_OURS + f'it is no LoRA (nothing is known by the name "{names[0]}"). Take a LoRA file.')
        raise BadInput(
            NOT_OURS + (f"it was made for {kind}, which is" if kind else "it was made for a base that is")
            + f" not among the known ones ({', '.join(target.name for target in targets.published())})."
        )  # fmt: skip
    return _read(data, head, target)


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


def _checked(data: bytes) -> Header:
    head = header.of_bytes(data, WHAT, MAX_BYTES)
    if not head.entries:
        raise BadInput(NOT_OURS + "it holds no weights. Export it again.")
    kind = other_kind(head.names)
    if kind is not None:
        raise BadInput(NOT_OURS + f"it is {kind}, and plain LoRAs are supported. Convert it to a plain LoRA first.")
    return head


def _read(data: bytes, head: Header, target: Target) -> LoraFile:
    modules, dialect = _modules(head, target)
    present = [site for site in target.sites if site.key in modules]
    for site in present:
        _check(site, modules[site.key], target, head)
    decoded = tensors.decode(data, head, WHAT)
    fused.split(decoded, modules)
    alphas = Alphas.of(head.metadata)
    weights: dict[str, tuple[torch.Tensor, torch.Tensor, float]] = {}
    for site in present:
        parts = {role: decoded[entry.name] for role, entry in modules[site.key].items()}
        weights[site.key] = _halves(parts, site, alphas)
    return LoraFile(weights, head.metadata, dialect, target, tensors.data_hash(data, head))


def _modules(head: Header, target: Target) -> tuple[dict[str, dict[Role, Entry]], Dialect]:
    """The file's tensors by site key and role, and how it is written."""
    dialect = Dialect.KOHYA
    found: dict[str, dict[Role, Entry]] = {}
    whole: dict[str, dict[Role, Entry]] = {}
    strange: list[str] = []
    for entry in head.entries:
        parsed = parse(entry.name)
        if parsed is None:
            raise BadInput(
                NOT_OURS + f'it is no LoRA (nothing is known by the name "{_short(entry.name)}"). Take a LoRA file.'
            )
        site = target.index.find(parsed.module)
        if site is None and target.index.fused(parsed.module):
            whole.setdefault(parsed.module, {})[parsed.role] = entry
            dialect = parsed.dialect if parsed.role is not Role.ALPHA else dialect
            continue
        if site is None:
            strange.append(parsed.module)
            continue
        if parsed.role is not Role.ALPHA:
            dialect = parsed.dialect
        parts = found.setdefault(site.key, {})
        if parsed.role in parts:
            raise BadInput(NOT_OURS + f'it says twice what to do with "{_short(parsed.module)}". Export it again.')
        parts[parsed.role] = entry
    if strange:
        raise _misfit(head, target, f"it changes parts that {target.name} does not have ({_some(strange)})")
    for module, parts in whole.items():
        places = target.index.fused(module) or ()
        # Some tools write both the one piece and its parts.
        if not any(site.key in found for site in places):
            found |= fused.parted(module, parts, [site.key for site in places])
    return found, dialect


def _check(site: Site, parts: Mapping[Role, Entry], target: Target, head: Header) -> None:
    """Whether one module's halves fit each other and the base, by their shapes alone."""
    key, wanted = site.key, site.shape
    if Role.DOWN not in parts or Role.UP not in parts:
        raise BadInput(NOT_OURS + f'half of "{key}" is missing. Export it again.')
    down, up = parts[Role.DOWN].shape, parts[Role.UP].shape
    rank = down[0] if down else 0
    if Role.MID in parts:
        down = _joined(down, parts[Role.MID].shape)
    flat = len(up) == 2 or (len(up) == 4 and up[2:] == (1, 1))
    if rank == 0 or len(down) not in (2, 4) or not flat or up[1] != rank:
        raise BadInput(NOT_OURS + f'the halves of "{key}" do not fit together. Export it again.')
    if rank > MAX_RANK:
        raise BadInput(
            NOT_OURS + f"its rank is {rank}, and ranks up to {MAX_RANK} are loaded. Resize it, or take a smaller one."
        )
    if Role.ALPHA in parts and _count(parts[Role.ALPHA].shape) != 1:
        raise BadInput(NOT_OURS + f'the alpha of "{key}" is no single number. Export it again.')
    if (down[1], up[0], _count(down[2:])) != (wanted[1], wanted[0], _count(wanted[2:])):
        sizes = f"{down[1]} to {up[0]} values there, {wanted[1]} to {wanted[0]} here"
        raise _misfit(head, target, f'it was made for a base of another size ("{key}": {sizes})')


def _joined(down: tuple[int, ...], mid: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a down half and the middle behind it as one; () where they do not go together."""
    if len(down) != 4 or down[2:] != (1, 1) or len(mid) != 4 or mid[:2] != (down[0], down[0]):
        return ()
    return down[0], down[1], mid[2], mid[3]


def _halves(parts: Mapping[Role, torch.Tensor], site: Site, alphas: Alphas) -> tuple[torch.Tensor, torch.Tensor, float]:
    """One checked module's halves in the base's shape, and its alpha."""
    down, up, wanted = parts[Role.DOWN], parts[Role.UP], site.shape
    rank = len(down)
    if Role.MID in parts:
        # (rank, in, 1, 1) and (rank, rank, kh, kw) in a row are one convolution (rank, in, kh, kw).
        down = torch.einsum("rshw,si->rihw", parts[Role.MID].float(), down[:, :, 0, 0].float()).to(down.dtype)
    alpha = float(parts[Role.ALPHA]) if Role.ALPHA in parts else alphas.alpha(site, rank)
    if abs(alpha) > MAX_SCALE * rank:
        raise BadInput(NOT_OURS + f'the alpha of "{site.key}" is {alpha:g}, which no training gives. Export it again.')
    ones = (1,) * (len(wanted) - 2)
    return down.reshape(rank, *wanted[1:]), up.reshape(wanted[0], rank, *ones), alpha


def _misfit(head: Header, target: Target, why: str) -> BadInput:
    exact = targets.recognise(head)
    kind = exact.name if exact else targets.guessed(head)
    # Of its own family and still not fitting: then only the particulars say why.
    if kind is not None and kind != (target.name if exact else target.spec.title):
        why = f"it was made for {kind}"
    return BadInput(f"This {WHAT} does not fit {target.name}: {why}. Take one that was trained for this base's family.")


def _some(modules: list[str]) -> str:
    """The first of these names, and how many more there are."""
    names = list(dict.fromkeys(modules))
    return f'"{_short(names[0])}"' + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _count(sides: tuple[int, ...]) -> int:
    count = 1
    for side in sides:
        count *= side
    return count


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."
