"""The CLIPTokenizer: byte-level BPE, so that any word can be spelled, with merges that make each word of the
world's captions one token."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
from transformers import CLIPTokenizer

from engine.miniature import WEIGHTS
from engine.miniature.world import Scene, random_caption

EXTRA_WORDS = (
    "dog cat robot toy car face style cartoon woman man girl boy child with without no not and or the of in at on"
)


def byte_letters() -> list[str]:
    """The 256 printable stand-ins for bytes, as GPT-2 and CLIP order them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + index) for index in range(len(rest))]


def world_words() -> Counter[str]:
    rng = np.random.default_rng(3)
    words = Counter(EXTRA_WORDS.split())
    for _ in range(3000):
        text = random_caption(Scene.random(rng), rng, "a person").replace(",", " ,")
        words.update(text.split())
    return words


def learn_merges(words: Counter[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent pair first, until every word is one token."""
    spelled = {word: (*word[:-1], word[-1] + "</w>") for word in words}
    merges: list[tuple[str, str]] = []
    while True:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, letters in spelled.items():
            for pair in pairwise(letters):
                pairs[pair] += words[word]
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelled = {word: _merged(letters, best) for word, letters in spelled.items()}


def _merged(letters: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out: list[str] = []
    for letter in letters:
        if out and out[-1] == pair[0] and letter == pair[1]:
            out[-1] += letter
        else:
            out.append(letter)
    return tuple(out)


def make_tokenizer() -> CLIPTokenizer:
    merges = learn_merges(world_words())
    letters = byte_letters()
    tokens = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={token: index for index, token in enumerate(dict.fromkeys(tokens))}, merges=merges, model_max_length=77
    )


def train(cache: Path, minutes: float) -> None:
    """Writes the tokenizer folder; `cache` and `minutes` are not needed, it takes a second."""
    make_tokenizer().save_pretrained(WEIGHTS / "tokenizer")
