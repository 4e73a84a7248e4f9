"""The drawn set of docs/intake.md, read by the engine: advice says what was planted, and nothing else."""

from __future__ import annotations

from bot.studio.coaching import Act, Deed, Grade, Matter, advise, grade
from engine.protocol import SubjectKind
from tests.engine.planted import looked, planted, read


def test_what_was_planted_is_what_is_said() -> None:
    files = planted()
    names = dict(enumerate(files, 1))
    photos = looked(read(files))
    found = {one.matter: one for one in advise(photos, SubjectKind.PERSON, {})}
    assert {matter: {names[n] for n in one.photos} for matter, one in found.items()} == {
        Matter.STRANGERS: {"friend 1", "friend 2"},
        Matter.COPIES: {"mirrored copy"},
        Matter.BURST: {"good 4", "burst"},
        Matter.BLURRED: {"blurred"},
        Matter.DARK: {"dark"},
    }
    assert found[Matter.STRANGERS].acts[0] == Act("drop", Deed.DROP, (11, 12))
    assert grade(photos, SubjectKind.PERSON, {}) is Grade.FAIR
