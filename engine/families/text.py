"""Captions on their way into a denoiser: token ids, and what the text encoders made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """N texts as token ids, once for each text encoder of the family."""

    ids: tuple[Tensor, ...]
    """(N, L) int64 each."""
    mask: Tensor | None = None
    """(N, L) bool, True where a token counts; None where all do."""

    def __len__(self) -> int:
        return len(self.ids[0])

    def rows(self, index: Tensor) -> Self:
        return type(self)(tuple(one[index] for one in self.ids), None if self.mask is None else self.mask[index])

    @classmethod
    def cat(cls, several: Sequence[Self]) -> Self:
        """All of them in one batch; they have one length."""
        masks = [tokens.mask for tokens in several if tokens.mask is not None]
        ids = tuple(torch.cat(same) for same in zip(*(tokens.ids for tokens in several), strict=True))
        return cls(ids, torch.cat(masks) if masks else None)


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """N texts as a denoiser reads them."""

    hidden: Tensor
    """(N, L, D); rows of the mask's False are padding."""
    pooled: Tensor | None = None
    """(N, P) where the family wants a summary of each text."""
    mask: Tensor | None = None
    """(N, L) bool where texts differ in length."""

    def __len__(self) -> int:
        return len(self.hidden)

    def rows(self, index: Tensor) -> Self:
        return type(self)(
            self.hidden[index],
            None if self.pooled is None else self.pooled[index],
            None if self.mask is None else self.mask[index],
        )

    @classmethod
    def cat(cls, texts: Sequence[Self]) -> Self:
        """All of them in one batch, shorter ones padded at the end."""
        longest = max(text.hidden.shape[1] for text in texts)
        padded = [functional.pad(text.hidden, (0, 0, 0, longest - text.hidden.shape[1])) for text in texts]
        pooled = [text.pooled for text in texts if text.pooled is not None]
        masks = [
            functional.pad(text.mask, (0, longest - text.mask.shape[1])) for text in texts if text.mask is not None
        ]
        return cls(torch.cat(padded), torch.cat(pooled) if pooled else None, torch.cat(masks) if masks else None)
