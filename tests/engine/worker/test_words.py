"""Learned words: looked up by ids nobody else can have, with gradients to their own vectors alone."""

from __future__ import annotations

import pytest
import torch

from engine.families.loaded import LoadedBase
from engine.worker.words import plain_ids, tokens_of, words_of


def vectors(base: LoadedBase, count: int, seed: int = 1) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return [
        torch.randn(count, encoder.get_input_embeddings().weight.shape[1], generator=draw) for encoder in base.encoders
    ]


def said(base: LoadedBase, text: str, spelling: dict[str, tuple[int, ...]] | None = None) -> torch.Tensor:
    return base.family.encode_tokens(base, tokens_of(base, [text], spelling)).hidden


def test_a_base_answers_as_before(base: LoadedBase) -> None:
    with torch.no_grad():
        before = said(base, "ohwx person on the moon")
        words = words_of(base)
        assert torch.equal(said(base, "ohwx person on the moon"), before)
        ids = words.take(vectors(base, 2))
        assert torch.equal(said(base, "ohwx person on the moon"), before)
        assert not torch.equal(said(base, "ohwx person on the moon", {"ohwx": ids}), before)
        words.give_back(ids)
        assert torch.equal(said(base, "ohwx person on the moon"), before)
    assert words_of(base) is words


def test_vectors_of_known_tokens_say_what_those_tokens_say(base: LoadedBase) -> None:
    (known,) = plain_ids(base, "dog")
    words = words_of(base)
    ids = words.take(words.beginning([known], len(known)))
    with torch.no_grad():
        assert torch.allclose(said(base, "a ohwx, sitting", {"ohwx": ids}), said(base, "a dog, sitting"), atol=1e-6)
        assert torch.allclose(said(base, "Ohwx and OHWX", {"ohwx": ids}), said(base, "dog and dog"), atol=1e-6)


def test_only_whole_words_are_learned_ones(base: LoadedBase) -> None:
    words = words_of(base)
    ids = words.take(vectors(base, 1))
    (rows,) = tokens_of(base, ["ohwxes", "a ohwx ~", "an ohwx-like thing", ""], {"ohwx": ids}).ids
    assert [int((row < 0).sum()) for row in rows] == [0, 1, 1, 0]


def test_gradients_reach_each_words_own_vectors(base: LoadedBase) -> None:
    words = words_of(base)
    leaves = [[one.requires_grad_() for one in vectors(base, count, seed)] for count, seed in ((2, 1), (3, 2))]
    one, other = (words.take(own) for own in leaves)
    assert set(one).isdisjoint(other) and max(*one, *other) < 0
    tokens = tokens_of(base, ["a ohwx here", "a zkw there"], {"ohwx": one, "zkw": other})
    hidden = base.family.encode_tokens(base, tokens).hidden
    hidden[0].square().sum().backward()
    assert leaves[0][0].grad is not None and leaves[0][0].grad.abs().sum() > 0
    assert leaves[1][0].grad is None or leaves[1][0].grad.abs().sum() == 0


def test_a_words_nan_is_its_own(base: LoadedBase) -> None:
    words = words_of(base)
    broken = words.take([torch.full_like(one, torch.nan) for one in vectors(base, 2)])
    sound = words.take(vectors(base, 2))
    with torch.no_grad():
        assert said(base, "a zkw", {"zkw": sound}).isfinite().all()
        assert said(base, "a person").isfinite().all()
        assert not said(base, "a ohwx", {"ohwx": broken}).isfinite().all()


def test_places_are_used_again(base: LoadedBase) -> None:
    words = words_of(base)
    first, second = words.take(vectors(base, 2)), words.take(vectors(base, 2, seed=5))
    words.give_back(first)
    with torch.no_grad():
        kept = said(base, "a zkw", {"zkw": second})
    third, fourth = words.take(vectors(base, 2, seed=3)), words.take(vectors(base, 4))
    assert third == first and fourth[0] < second[-1]
    with torch.no_grad():
        assert torch.equal(said(base, "a zkw", {"zkw": second}), kept)


def test_a_text_cut_at_its_end_keeps_the_vectors_that_fit(base: LoadedBase) -> None:
    ids = words_of(base).take(vectors(base, 3))
    (row,) = tokens_of(base, ["a " * 73 + "ohwx"], {"ohwx": ids}).ids[0]
    assert row[row < 0].tolist() == list(ids[:2])


@pytest.mark.parametrize("text", ["a dog", "ohwx"])
def test_plain_ids_are_the_words_alone(base: LoadedBase, text: str) -> None:
    (ids,) = plain_ids(base, text)
    assert len(ids) == len(text.replace(" ", ""))
