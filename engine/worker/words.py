"""Learned words: vectors that stand where a text encoder would look a token up, on a base that several jobs share.

A learned word has token ids below zero, which no tokenizer gives, so several jobs' words meet in one batch and nobody else's
prompt can ask for them. (Past the end of the vocabulary would not do: old CLIP finds the end of a text by its highest id.)

    words = words_of(base)
    ids = words.take([vectors, ...])              # (n, D) for each text encoder of the base
    tokens = tokens_of(base, texts, {"ohwx": ids})
    base.family.encode_tokens(base, tokens)       # gradients flow to the vectors where they want them
    words.give_back(ids)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import BadInput
from engine.families.text import Tokens

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase

Spelling = Mapping[str, Sequence[int]]
"""A word as it stands in texts -> the ids of its vectors."""
MARKS = "~^|`}{><_*+="
"""Characters that are one token of their own wherever they stand between spaces, in CLIP's and our tokenizers."""


@dataclass(frozen=True, slots=True, eq=False)
class LearnedWord:
    """A word on its way: its ids, and the vectors that learn, for each text encoder."""

    ids: tuple[int, ...]
    leaves: tuple[nn.Parameter, ...]


class WordEmbedding(nn.Embedding):
    """An embedding that also knows ids below zero."""

    words: Words
    number: int
    """Of its encoder."""

    def forward(self, input: Tensor) -> Tensor:
        said = functional.embedding(input.clamp(min=0), self.weight)
        learned = self.words.learned(self.number)
        if learned is None:
            return said
        return torch.where((input < 0)[..., None], learned[(-1 - input).clamp(min=0)].to(said.dtype), said)


class Words:
    """All learned words of one base."""

    def __init__(self, layers: Sequence[WordEmbedding]) -> None:
        self._layers = layers
        self._taken: dict[int, tuple[Tensor, ...]] = {}
        """Place of a word's first vector -> its vectors, for each encoder."""

    def take(self, vectors: Sequence[Tensor]) -> tuple[int, ...]:
        """Ids for `vectors`, (n, D) for each encoder, until they are given back. The tensors themselves are used, not copies."""
        count = len(vectors[0])
        start = 0
        for place in sorted(self._taken):
            if place - start >= count:
                break
            start = place + len(self._taken[place][0])
        self._taken[start] = tuple(vectors)
        return tuple(-1 - start - index for index in range(count))

    def give_back(self, ids: Sequence[int]) -> None:
        del self._taken[-1 - ids[0]]

    def learned(self, number: int) -> Tensor | None:
        """(all places, D) of one encoder; places nobody has are zeros."""
        if not self._taken:
            return None
        weight, parts, end = self._layers[number].weight, list[Tensor](), 0
        for place, vectors in sorted(self._taken.items()):
            if place > end:
                parts.append(weight.new_zeros(place - end, weight.shape[1]))
            parts.append(vectors[number].to(weight.device))
            end = place + len(vectors[number])
        return torch.cat(parts)

    def begin(self, known: Sequence[Sequence[int]], count: int) -> LearnedWord:
        """A word of `count` vectors that are to learn, from those of the tokens `known`."""
        leaves = tuple(nn.Parameter(vectors) for vectors in self.beginning(known, count))
        return LearnedWord(self.take(leaves), leaves)

    def beginning(self, ids: Sequence[Sequence[int]], count: int) -> list[Tensor]:
        """`count` vectors for each encoder to start from: those of known tokens, over and over."""
        found: list[Tensor] = []
        for layer, known in zip(self._layers, ids, strict=True):
            some = torch.tensor([known[index % len(known)] for index in range(count)], device=layer.weight.device)
            found.append(layer.weight.detach()[some].float().clone())
        return found


def words_of(base: LoadedBase) -> Words:
    """The base's learned words; the first call prepares its text encoders, whose own answers stay what they were."""
    layers = [cast(nn.Embedding, encoder.get_input_embeddings()) for encoder in base.encoders]
    if isinstance(layers[0], WordEmbedding):
        return layers[0].words
    words = Words(cast(list[WordEmbedding], layers))
    for number, layer in enumerate(layers):
        layer.__class__ = WordEmbedding
        layer.__dict__.update(words=words, number=number)
    return words


def tokens_of(base: LoadedBase, texts: Sequence[str], spelling: Spelling | None = None) -> Tokens:
    """As the family's own, with the spelling's words as the ids of their vectors."""
    tokens = base.family.tokens_of(base, texts)
    for word, ids in (spelling or {}).items():
        tokens = _spelled(base, texts, tokens, word, ids)
    return tokens


def plain_ids(base: LoadedBase, text: str) -> list[list[int]]:
    """The tokens of `text` alone, for each encoder: without what stands around every text."""
    with_text, empty = base.family.tokens_of(base, [text]), base.family.tokens_of(base, [""])
    found: list[list[int]] = []
    for row, bare in zip(with_text.ids, empty.ids, strict=True):
        around = set(bare[0].tolist())
        found.append([one for one in row[0].tolist() if one not in around])
    return found


def _spelled(base: LoadedBase, texts: Sequence[str], tokens: Tokens, word: str, ids: Sequence[int]) -> Tokens:
    """Each `word` gives way to as many marks as it has vectors, and in what the tokenizer makes of it each mark to an id."""
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    rows = [number for number, text in enumerate(texts) if whole.search(text)]
    if not rows:
        return tokens
    mark = next((one for one in MARKS if not any(one in texts[row] for row in rows)), None)
    if mark is None:
        raise BadInput(
            f"A prompt with a learned word cannot hold all of {' '.join(MARKS)} at once. Leave one of them out."
        )
    told = " ".join([mark] * len(ids))
    marked = base.family.tokens_of(base, [whole.sub(f" {told} ", texts[row]) for row in rows])
    for own, made, (known, *_) in zip(tokens.ids, marked.ids, plain_ids(base, mark), strict=True):
        for row, line in zip(rows, made, strict=True):
            places = (line == known).nonzero()[:, 0]
            turn = torch.tensor(ids, device=line.device).repeat(-(-len(places) // len(ids)))[: len(places)]
            line[places] = turn
            own[row] = line
    return tokens
