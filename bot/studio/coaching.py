"""What a careful friend would say about a set of photos: facts in, advice out.

Pure functions over what the engine measured (`engine.facts`). Every threshold has its reason beside it; nothing here leaves
a photo out by itself. Photos are named by their numbers, which stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from engine.facts import Pair, PhotoFacts
from engine.photos import PhotoFlag, SubjectKind

SAME_BITS = 6
"""Of 64: another size, quality or brightness changes 0 to 2, another picture 32 (research: trust_and_taste 1.4)."""
BURST_BITS = 12
"""Drawn bursts, with a step aside and another face between the shots, differ by 2 to 16; different photos of one person by
20 and more, four drawings of one figure by 14 and more."""
BURST_WIDE_BITS, BURST_GLANCE = 16, 0.82
"""Up to here where the pictures also correlate as bursts do (0.83 to 0.98; different photos 0.68 at most). Drawings on paper
correlate as well whatever they show, so this is not asked of styles."""
BURST_EYES = 0.985
"""Cosine of DINOv2 or CLIP from which two photos are moments apart (hollowstrawberry's Dataset Maker)."""
BLURRED = 60.0
"""Variance of the Laplacian at 128 px. The real faces looked at have 265 to 890, and 22 to 44 once smeared by a hundredth of
the face; drawn ones 600 and more."""
DARK = 80
"""Grey that 95 in 100 pixels of the face stay under. A highlight counts, not the mean: dark skin in fair light has highlights
above it (real faces 170 to 237, drawn ones of every skin 95 and more), at a third of the light no face has (51 to 71)."""
BURNT = 0.25
"""Share of the face without any drawing left."""
SMALL_FACE = 112
"""Pixels: a face this small has lost lashes and pores, and training enlarges it."""
SMALL_CROP = 0.75
"""Of the side that is trained at: below, a quarter of what it learns from was made up by enlarging."""
STRANGER = 0.4
"""Of `Pair.who`, where 0.5 is halfway between two strangers and one person: a little in favour of one person. In drawn sets
photos of one come to 0.73 and more, of two to 0.1 at most."""
TURNED = 0.35
"""From here on a face shows its side: the nose has left the eyes' middle by a third of their distance."""
SAME_PLACE = 0.85
"""Overlap of colours. Two photos against one wall 0.87, in one room 0.89; different places of one person 0.84 at most."""
MOST = 0.7
"""Share of a set from which "all" is said of places and days."""
ENOUGH = 5
"""Photos below which nothing is said of the set as a whole."""
PLENTY = 10
"""Good photos from which a likeness is likely; 12 to 20 are asked for."""
RICH = 15
DRAWN = (SubjectKind.STYLE, SubjectKind.CHARACTER)


class Matter(StrEnum):
    """What advice is about, the gravest first."""

    STRANGERS = "strangers"
    COPIES = "copies"
    TWINS = "twins"
    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    BURST = "burst"
    SMALL = "small"
    CROWD = "crowd"
    CUT = "cut"
    FEW = "few"
    ANGLE = "angle"
    PLACE = "place"
    DAY = "day"


WEAK = (Matter.BLURRED, Matter.DARK, Matter.BRIGHT, Matter.CUT)
"""What a photo teaches little with."""


class Deed(StrEnum):
    """What a press does."""

    DROP = "drop"
    TAKE = "take"
    """Back what was left out."""
    MORE = "more"
    """Opens the form for more photos; answers nothing."""
    KEEP = "keep"
    """It may stay as it is: not asked again about these photos."""


@dataclass(frozen=True)
class Act:
    """One button. `key` tells it from the others of its finding, also after a restart."""

    key: str
    deed: Deed
    photos: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finding:
    matter: Matter
    photos: tuple[int, ...]
    """Numbers of those it is about."""
    acts: tuple[Act, ...]
    groups: tuple[tuple[int, ...], ...] = ()
    """The shots that belong together, or the people, the largest group first."""


@dataclass(frozen=True)
class Looked:
    """One photo of the set as advice sees it."""

    id: int
    number: int
    kept: bool
    copy_of: int | None = None
    """Number of the photo that it was left out as a copy of."""
    flags: tuple[str, ...] = ()
    facts: PhotoFacts | None = None


class Grade(IntEnum):
    POOR = 0
    FAIR = 1
    GOOD = 2
    EXCELLENT = 3


def advise(photos: Sequence[Looked], kind: SubjectKind, settled: Mapping[Matter, frozenset[int]]) -> list[Finding]:
    """All there is to say, gravest first. `settled`: photos (by id) about which a matter was answered with "keep"."""
    kept = [photo for photo in photos if photo.kept]
    ids = {photo.number: photo.id for photo in photos}
    found = [
        _strangers([photo for photo in kept if photo.facts is not None and seen(photo.facts, kind)]),
        _copies(photos),
        _alike(kept, kind, Matter.TWINS),
        _single(kept, Matter.BLURRED, lambda facts: blurred(facts, kind)),
        _single(kept, Matter.DARK, lambda facts: dark(facts, kind)),
        _single(kept, Matter.BRIGHT, lambda facts: bright(facts, kind)),
        _alike(kept, kind, Matter.BURST),
        _single(kept, Matter.SMALL, small),
        _flagged(kept, Matter.CROWD, PhotoFlag.SEVERAL_FACES),
        _flagged(kept, Matter.CUT, PhotoFlag.CUT_FACE),
        _few(kept),
        _one_angle(kept),
        _one_place(kept, kind),
        _one_day(kept),
    ]
    return [
        one
        for one in found
        if one is not None and not {ids[number] for number in one.photos} <= settled.get(one.matter, frozenset())
    ]


EARLY = (
    Matter.TWINS,
    Matter.BLURRED,
    Matter.DARK,
    Matter.BRIGHT,
    Matter.BURST,
    Matter.SMALL,
    Matter.CUT,
    Matter.ANGLE,
    Matter.PLACE,
)
"""What stays true of a photo whatever comes after it, and what other photos would mend."""


def so_far(photos: Sequence[Looked], kind: SubjectKind) -> list[Finding]:
    """What can be said while some photos are still to be read. Not who is a stranger among them, nor whether they are few:
    the next photo may turn that round. Copies are told as what was left out."""
    return [one for one in advise(photos, kind, {}) if one.matter in EARLY]


def grade(photos: Sequence[Looked], kind: SubjectKind, settled: Mapping[Matter, frozenset[int]]) -> Grade:
    """What to expect of the set. What was answered with "keep" still counts, but for "it is one person"."""
    kept = [photo for photo in photos if photo.kept]
    found = {one.matter: one for one in advise(photos, kind, {})}
    weak = {n for matter in WEAK if matter in found for n in found[matter].photos}
    spare = {n for matter in (Matter.TWINS, Matter.BURST) if matter in found for n in found[matter].acts[0].photos}
    good = len({photo.number for photo in kept} - weak - spare)
    reached = (
        Grade.EXCELLENT
        if good >= RICH
        else Grade.GOOD
        if good >= PLENTY
        else Grade.FAIR
        if good >= ENOUGH
        else Grade.POOR
    )
    narrow = {Matter.ANGLE, Matter.PLACE, Matter.DAY} & set(found)
    still = {one.matter for one in advise(photos, kind, settled)}
    if Matter.STRANGERS in still:
        return Grade(min(reached, Grade.POOR if len(found[Matter.STRANGERS].photos) * 3 >= len(kept) else Grade.FAIR))
    if narrow and reached > Grade.FAIR:
        return Grade(reached - 1) if len(narrow) == 1 or reached is Grade.GOOD else Grade.FAIR
    return reached


def blurred(facts: PhotoFacts, kind: SubjectKind) -> bool:
    """Of the face; a face that is small anyway is told to be small instead. A style may be as soft as it likes."""
    return kind is not SubjectKind.STYLE and facts.sharpness < BLURRED and not 0 < facts.face < SMALL_FACE


def dark(facts: PhotoFacts, kind: SubjectKind) -> bool:
    return kind not in DRAWN and facts.brightest < DARK


def bright(facts: PhotoFacts, kind: SubjectKind) -> bool:
    return kind not in DRAWN and facts.burnt > BURNT


def seen(facts: PhotoFacts, kind: SubjectKind) -> bool:
    """Well enough to be told from others: who cannot be made out is nobody else."""
    return not (blurred(facts, kind) or dark(facts, kind) or bright(facts, kind))


def small(facts: PhotoFacts) -> bool:
    """Only of bases that are trained at more than a small face has."""
    enlarged = facts.crop < SMALL_CROP * facts.wanted
    return enlarged and (
        facts.face == 0 or facts.face < max(SMALL_FACE, facts.wanted // 4) or facts.crop < facts.wanted // 2
    )


def shot_at_once(pair: Pair, kind: SubjectKind) -> bool:
    """Moments apart, in one place, in nearly one pose."""
    if pair.eyes is not None and pair.eyes >= BURST_EYES:
        return True
    if pair.bits <= BURST_BITS:
        return True
    return kind not in DRAWN and pair.bits <= BURST_WIDE_BITS and pair.glance >= BURST_GLANCE


# -- one matter each


def _copies(photos: Sequence[Looked]) -> Finding | None:
    """Left out as copies when they came in; one press brings them back."""
    out = tuple(photo.number for photo in photos if not photo.kept and photo.copy_of is not None)
    acts = (Act("take", Deed.TAKE, out), Act("keep", Deed.KEEP))
    return Finding(Matter.COPIES, out, acts) if out else None


def _alike(kept: Sequence[Looked], kind: SubjectKind, matter: Matter) -> Finding | None:
    """TWINS: the same picture among those kept. BURST: shots of one moment that are not that."""

    def together(pair: Pair) -> bool:
        same = pair.bits <= SAME_BITS
        return same if matter is Matter.TWINS else not same and shot_at_once(pair, kind)

    groups = [group for group in _groups(kept, together) if len(group) > 1]
    if not groups:
        return None
    facts = {photo.number: photo.facts for photo in kept}
    best = {max(group, key=lambda n: (_clear(facts[n]), -n)) for group in groups}
    numbers = tuple(sorted(n for group in groups for n in group))
    drop = Act("drop", Deed.DROP, tuple(n for n in numbers if n not in best))
    return Finding(matter, numbers, (drop, Act("keep", Deed.KEEP)), tuple(groups))


def _clear(facts: PhotoFacts | None) -> float:
    return facts.sharpness if facts is not None else 0.0


def _single(kept: Sequence[Looked], matter: Matter, wrong: Callable[[PhotoFacts], bool]) -> Finding | None:
    numbers = tuple(photo.number for photo in kept if photo.facts is not None and wrong(photo.facts))
    return Finding(matter, numbers, (Act("drop", Deed.DROP, numbers), Act("keep", Deed.KEEP))) if numbers else None


NO_TWO_ALIKE = 3
"""Faces, all unlike each other: then nobody is the one who does not belong, and it is asked."""


def _strangers(kept: Sequence[Looked]) -> Finding | None:
    """Two people in the set, by the faces that were chosen. Where nobody is in the majority, it is asked which one is meant."""
    known = {n for photo in kept for n in _compared(photo, kept, lambda pair: pair.who is not None)}
    groups = _groups([photo for photo in kept if photo.number in known], _one_person)
    if len(groups) < 2:
        return None
    most, second = groups[0], groups[1]
    if len(most) == 1 and len(groups) >= NO_TWO_ALIKE:
        acts = (Act("keep", Deed.KEEP), Act("more", Deed.MORE))
        return Finding(Matter.STRANGERS, tuple(sorted(known)), acts, tuple(groups))
    others = tuple(sorted(n for group in groups[1:] for n in group))
    same = Act("keep", Deed.KEEP)
    if len(second) > 1 and len(second) * 2 > len(most):
        rest = tuple(sorted(n for group in groups if group is not second for n in group))
        acts = (Act("drop", Deed.DROP, others), Act("drop2", Deed.DROP, rest), same)
        return Finding(Matter.STRANGERS, tuple(sorted(known)), acts, tuple(groups))
    return Finding(Matter.STRANGERS, others, (Act("drop", Deed.DROP, others), same), tuple(groups))


def _one_person(pair: Pair) -> bool:
    return pair.who is not None and pair.who >= STRANGER


def _compared(photo: Looked, kept: Sequence[Looked], could: Callable[[Pair], bool]) -> set[int]:
    """The numbers of this photo and of those that it could be held against in this way."""
    numbers = {str(other.id): other.number for other in kept}
    compared = {numbers[pair.other] for pair in _pairs(photo) if pair.other in numbers and could(pair)}
    return compared | {photo.number} if compared else set()


def _flagged(kept: Sequence[Looked], matter: Matter, flag: PhotoFlag) -> Finding | None:
    """What the finder was in doubt about: who of several is meant, half a face."""
    numbers = tuple(photo.number for photo in kept if flag in photo.flags)
    return Finding(matter, numbers, (Act("drop", Deed.DROP, numbers), Act("keep", Deed.KEEP))) if numbers else None


def _few(kept: Sequence[Looked]) -> Finding | None:
    if len(kept) >= PLENTY or not any(photo.facts for photo in kept):
        return None
    numbers = tuple(photo.number for photo in kept)
    return Finding(Matter.FEW, numbers, (Act("more", Deed.MORE), Act("keep", Deed.KEEP)))


def _one_angle(kept: Sequence[Looked]) -> Finding | None:
    """Every face that can be judged looks into the camera."""
    turns = {
        photo.number: photo.facts.turn for photo in kept if photo.facts is not None and photo.facts.turn is not None
    }
    front = tuple(n for n, turn in turns.items() if turn < TURNED)
    if len(turns) < ENOUGH or len(front) < len(turns):
        return None
    return Finding(Matter.ANGLE, front, (Act("more", Deed.MORE), Act("keep", Deed.KEEP)))


def _one_place(kept: Sequence[Looked], kind: SubjectKind) -> Finding | None:
    if kind in DRAWN or len(kept) < ENOUGH:
        return None
    most = next(iter(_groups(kept, lambda pair: pair.colours >= SAME_PLACE)), ())
    if len(most) < MOST * len(kept):
        return None
    return Finding(Matter.PLACE, tuple(most), (Act("more", Deed.MORE), Act("keep", Deed.KEEP)))


def _one_day(kept: Sequence[Looked]) -> Finding | None:
    """By the cameras' clocks, of the photos that say; enough of them have to."""
    says = {n for photo in kept for n in _compared(photo, kept, lambda pair: pair.same_day is not None)}
    most = next(iter(_groups([p for p in kept if p.number in says], lambda pair: pair.same_day is True)), ())
    if len(most) < max(ENOUGH, MOST * len(kept)):
        return None
    return Finding(Matter.DAY, tuple(most), (Act("more", Deed.MORE), Act("keep", Deed.KEEP)))


def _groups(photos: Sequence[Looked], together: Callable[[Pair], bool]) -> list[tuple[int, ...]]:
    """Numbers that hang together, directly or by others; the largest group first, then by number."""
    numbers = {str(photo.id): photo.number for photo in photos}
    group = {photo.number: {photo.number} for photo in photos}
    for photo in photos:
        for pair in _pairs(photo):
            if pair.other in numbers and together(pair):
                joined = group[photo.number] | group[numbers[pair.other]]
                for number in joined:
                    group[number] = joined
    apart = {min(members): tuple(sorted(members)) for members in group.values()}
    return sorted(apart.values(), key=lambda members: (-len(members), members))


def _pairs(photo: Looked) -> Iterable[Pair]:
    return photo.facts.pairs if photo.facts is not None else ()
