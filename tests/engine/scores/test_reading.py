"""What each score of an epoch means, with eyes whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sights
import tiny
from PIL import Image
from sights import picture

from engine.protocol import BaseModelRef, PreviewPrompt
from engine.scores import reading
from engine.scores.eyes import Glance, Sight
from engine.scores.probes import Probes
from engine.scores.reading import Reader, Scores

PROMPTS = ["a portrait of a person", "a person on the moon"]
PROBES = Probes(
    of_subject=(),
    of_class=(PreviewPrompt(prompt=PROMPTS[0], seed=1), PreviewPrompt(prompt=PROMPTS[0], seed=2)),
    elsewhere=(PreviewPrompt(prompt="a lighthouse", seed=1),),
)
SIGHT = Sight(sights.Eyes(), sights.Eyes(), sights.Matcher(), sights.crowd(0, 157 + 100))


def reader(sight: Sight = SIGHT, spread: int = 20) -> Reader:
    return Reader(sight, [picture(angle) for angle in (100 - spread, 100, 100 + spread)], PROMPTS, PROBES)


def epoch(previews: Sequence[Image.Image], without_trigger: Sequence[int] = (0, 10, 20)) -> list[Image.Image]:
    return [*previews, *(picture(angle) for angle in without_trigger)]


def test_fidelity_is_relative_to_the_base() -> None:
    one = reader()
    assert one.read_base(epoch([picture(0, 50), picture(0, 70)])).fidelity == 100
    assert one.read(epoch([picture(0, 50), picture(0, 70)])).fidelity == 100
    assert one.read(epoch([picture(0, 30), picture(0, 40)])).fidelity == 50
    assert one.read(epoch([picture(0, 10), picture(0, 10)])).fidelity == 0


def test_the_subject_is_read_from_its_probes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two previews of a stranger and six probes of the subject: three quarters of the way. The class stays a stranger."""
    monkeypatch.setattr(reading, "sight_for", lambda *_: SIGHT)
    previews = tuple(PreviewPrompt(prompt=f"a portrait of ohwx person, {scene}", seed=1) for scene in ("sad", "happy"))
    job = tiny.job().model_copy(update={"trigger": "ohwx", "class_word": "person", "previews": previews})
    one = reading.reader_for(job, BaseModelRef(), [picture(angle) for angle in (80, 100, 120)])
    assert one is not None and len(one.probes) == 9
    one.read_base([picture(0)] * 11)
    stranger = one.read([picture(0)] * 11).likeness
    half = one.read([picture(0)] * 2 + [picture(100)] * 6 + [picture(0)] * 3)
    subject = one.read([picture(100)] * 11).likeness
    assert stranger is not None and half.likeness is not None and subject is not None
    assert half.likeness == pytest.approx(stranger + 0.75 * (subject - stranger), abs=0.2)
    assert half.bleed == 0 and one.read([picture(0)] * 8 + [picture(100)] * 3).likeness == stranger


def test_a_base_that_does_not_follow_prompts_measures_no_fidelity() -> None:
    one = reader()
    assert one.read_base(epoch([picture(0, 11), picture(0, 11)])).fidelity is None
    assert one.read(epoch([picture(0, 50), picture(0, 70)])).fidelity is None


def test_the_base_has_leaked_and_bled_nothing() -> None:
    read = reader().read_base(epoch([picture(0), picture(40)]))
    assert (read.leakage, read.bleed) == (0, 0)


def test_leakage_is_counted_against_what_another_seed_changes() -> None:
    one = reader()
    one.read_base(epoch([picture(0), picture(40)]))
    some = one.read(epoch([picture(100)] * 2, (10, 20, 30))).leakage
    more = one.read(epoch([picture(100)] * 2, (60, 70, 80))).leakage
    assert some is not None
    assert more is not None
    assert 0 < some < 25 < 100 <= more


def test_bleed_is_the_likeness_the_bare_class_has_gained() -> None:
    one = reader()
    one.read_base(epoch([picture(0), picture(40)]))
    bled = one.read(epoch([picture(0)] * 2, (100, 100, 20))).bleed
    assert bled is not None
    assert bled > 60
    assert one.read(epoch([picture(100)] * 2)).bleed == 0, "the trigger's own likeness is no bleeding"


def test_without_a_crowd_the_bases_own_pictures_are_the_strangers() -> None:
    one = reader(Sight(sights.Eyes(), Glance(), None))
    assert one.read_base(epoch([picture(0), picture(0)], (0, 0, 0))).likeness == pytest.approx(0, abs=0.1)
    found = one.read(epoch([picture(100), picture(100)]))
    assert found.likeness is not None
    assert 95 <= found.likeness <= 110
    assert found.fidelity is None


def test_without_eyes_nobody_is_recognised_and_changes_are_still_seen() -> None:
    one = Reader(Sight(None, Glance(), None), [sights.drawn(1), sights.drawn(2)], PROMPTS, PROBES)
    base = [sights.drawn(seed) for seed in (10, 11, 12, 13, 14)]
    assert one.read_base(base) == Scores(memorising=one.read_base(base).memorising, leakage=0)
    changed = one.read([*base[:2], *(sights.drawn(seed) for seed in (20, 21, 22))])
    assert changed.leakage is not None
    assert changed.leakage > 50
    assert (changed.likeness, changed.fidelity, changed.bleed) == (None, None, None)


def test_a_photo_given_twice_is_one_photo() -> None:
    photos = [sights.drawn(1), sights.drawn(2), sights.drawn(3)]
    sight = Sight(None, Glance(), None)
    once, twice = Reader(sight, photos, PROMPTS, PROBES), Reader(sight, photos * 2, PROMPTS, PROBES)
    shown = [sights.drawn(seed) for seed in (1, 5, 6, 7, 8)]
    assert once.read_base(shown) == twice.read_base(shown)


def test_scores_are_kept_as_plain_facts() -> None:
    scores = Scores(70.5, None, 3.0, 12.0, 0.0)
    assert Scores.of({"epoch": 3, "loss": 0.1, **scores.facts()}) == scores
    assert Scores.of({}) == Scores()
