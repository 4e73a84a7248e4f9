"""A LoRA on a layer that a file has in one piece and the base in several: q, k and v of a DiT, one behind the other.

The down half is the same for all parts and the up half is cut, so nothing is lost: every part changes as the piece did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import BadInput
from engine.files.header import Entry
from engine.files.names import Role

if TYPE_CHECKING:
    import torch

MARK = "\n"
"""Between a tensor's name and the number of the part: no name in a checked header holds it."""


def parted(module: str, parts: Mapping[Role, Entry], keys: Sequence[str]) -> dict[str, dict[Role, Entry]]:
    """By site key the halves of each part, in the order in which they lie in the piece. BadInput where it cannot be cut so."""
    found: dict[str, dict[Role, Entry]] = {}
    for number, key in enumerate(keys):
        own = dict(parts)
        up = parts.get(Role.UP)
        if up is not None:
            if not up.shape or up.shape[0] % len(keys):
                raise BadInput(
                    f'This LoRA file cannot be used: "{module[:60]}" cannot be cut into {len(keys)} equal parts. '
                    "Export it again."
                )
            own[Role.UP] = replace(up, name=f"{up.name}{MARK}{number}", shape=(up.shape[0] // len(keys), *up.shape[1:]))
        found[key] = own
    return found


def split(decoded: dict[str, torch.Tensor], modules: Mapping[str, Mapping[Role, Entry]]) -> None:
    """Puts the parts that `parted` made up into `decoded`, as views."""
    for parts in modules.values():
        for entry in parts.values():
            name, _, number = entry.name.partition(MARK)
            if number:
                rows = entry.shape[0]
                decoded[entry.name] = decoded[name][int(number) * rows : (int(number) + 1) * rows]
