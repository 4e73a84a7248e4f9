"""`lora_adapter_metadata`: PEFT's configuration of an adapter, which diffusers keeps as JSON in a file's metadata.

It is the only place where a file in diffusers' layout can say an alpha; a file without it means alpha = rank.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from engine.errors import BadInput
from engine.families.sites import Part, Site

KEY = "lora_adapter_metadata"
HOSTS: dict[Part, tuple[str, ...]] = {
    "denoiser": ("unet", "transformer"), "text_encoder": ("text_encoder",), "text_encoder_2": ("text_encoder_2",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alphas:
    """What the metadata says of alphas."""

    said: Mapping[str, Any]

    @staticmethod
    def of(metadata: Mapping[str, str]) -> Alphas:
        """BadInput where it is there and cannot be read."""
        text = metadata.get(KEY)
        if text is None:
            return Alphas({})
        try:
            found: Any = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise _broken()
        return Alphas(cast(dict[str, Any], found))

    def alpha(self, site: Site, rank: int) -> float:
        """Of one module; its rank where nothing else is said."""
        for host in HOSTS[site.part]:
            if f"{host}.lora_alpha" not in self.said:
                continue
            number = self.said[f"{host}.lora_alpha"]
            pattern: Any = self.said.get(f"{host}.alpha_pattern") or {}
            if not isinstance(pattern, dict):
                raise _broken()
            for key, value in cast(dict[str, Any], pattern).items():
                # PEFT takes a key for a regular expression; one from a stranger's file is taken by the letter.
                path = key.removeprefix("^").removeprefix("text_model.")
                if site.path == path or site.path.endswith(f".{path}"):
                    number = value
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise _broken()
            return float(number) * (math.sqrt(rank) if self.said.get(f"{host}.use_rslora") is True else 1.0)
        return float(rank)


def described(host: str, sites: Sequence[Site], ranks: Sequence[int]) -> dict[str, Any]:
    """PEFT's configuration of the adapter of one part, whose alphas are its ranks."""
    usual = Counter(ranks).most_common(1)[0][0]
    others = {site.path: rank for site, rank in zip(sites, ranks, strict=True) if rank != usual}
    said: dict[str, Any] = {
        "peft_type": "LORA", "r": usual, "lora_alpha": usual, "rank_pattern": others, "alpha_pattern": others,
        "target_modules": sorted(site.path for site in sites), "lora_dropout": 0.0, "bias": "none", "use_dora": False,
    }  # fmt: skip
    return {f"{host}.{key}": value for key, value in said.items()}


def _broken() -> BadInput:
    return BadInput(
        "This LoRA file cannot be used: its notes on its own adapter are broken. Export it again, or as a kohya file."
    )
