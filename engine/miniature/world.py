"""The world the miniature was taught: who there is (identities) and what captions may say (scenes).

An identity is made of continuous traits that no caption ever names; a scene is made of named things that captions
do name, plus free variation (placing, tilt, light) that they do not. Train and unseen identities come from different
random streams, so the same seed number is an unrelated person in the other split. Everything is a pure function of
its seed.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from typing import Literal, Self

import numpy as np

Split = Literal["train", "unseen"]
STREAMS: dict[str, int] = {"train": 7_411, "unseen": 90_901}

PLAIN_BACKGROUNDS = ("blue", "green", "red", "yellow", "purple", "grey")
PLACES = ("moon", "beach", "forest", "city")
BACKGROUNDS = PLAIN_BACKGROUNDS + PLACES
CLOTHES = ("sweater", "striped shirt", "suit", "hoodie")
COLOURS = ("red", "blue", "green", "yellow", "pink", "black")
ACCESSORIES = ("none", "round glasses", "sunglasses", "party hat", "crown", "headphones")
EXPRESSIONS = ("neutral", "smiling", "laughing", "sad", "surprised", "angry")
POSES = ("straight", "left", "right")

WORDS_OF_BACKGROUND = {
    **{colour: (f"on a {colour} background", f"in front of a {colour} wall") for colour in PLAIN_BACKGROUNDS},
    "moon": ("on the moon",),
    "beach": ("at the beach", "on a beach"),
    "forest": ("in a forest", "in the forest"),
    "city": ("at night in the city", "in the city at night"),
}
WORDS_OF_ACCESSORY = {
    "round glasses": ("round glasses", "glasses"),
    "sunglasses": ("sunglasses",),
    "party hat": ("a party hat",),
    "crown": ("a crown",),
    "headphones": ("headphones",),
}
WORDS_OF_EXPRESSION = {
    "neutral": ("with a neutral face", "neutral"),
    "smiling": ("smiling",),
    "laughing": ("laughing",),
    "sad": ("sad", "looking sad"),
    "surprised": ("surprised", "looking surprised"),
    "angry": ("angry", "looking angry"),
}
WORDS_OF_POSE = {"straight": ("looking straight ahead",), "left": ("looking left",), "right": ("looking right",)}
OPENINGS = ("a portrait of", "a portrait of", "a picture of", "a photo of", "a drawing of", "portrait of", "")
CLASS_WORDS = ("person", "person", "person", "person", "woman", "man")


@dataclass(frozen=True, slots=True)
class Identity:
    """One inhabitant. Every trait runs from 0 to 1; none of them has a word in any caption."""

    face_width: float
    face_height: float
    jaw: float
    skin: float
    undertone: float
    eye_distance: float
    eye_size: float
    eye_height: float
    eye_colour: float
    eye_tilt: float
    nose_length: float
    nose_width: float
    mouth_width: float
    lip_colour: float
    brow_thickness: float
    brow_height: float
    hair_colour: float
    hair_length: float
    hair_volume: float
    hair_curl: float
    fringe: float
    parting: float
    freckles: float
    beard: float
    ear_size: float

    @classmethod
    def from_seed(cls, seed: int, split: Split) -> Self:
        """The identity number `seed` of `split`; the same for ever."""
        rng = np.random.default_rng([STREAMS[split], seed])
        return cls(**{field.name: round(float(rng.random()), 4) for field in fields(cls)})

    def traits(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Scene:
    """What captions name, and `seed` for the free variation that they do not (placing, tilt, light, details)."""

    background: str
    clothes: str
    colour: str
    accessory: str
    expression: str
    pose: str
    seed: int

    @classmethod
    def random(cls, rng: np.random.Generator) -> Self:
        """A scene with every attribute drawn apart from the others; no accessory in two scenes of seven."""
        return cls(
            background=str(rng.choice(BACKGROUNDS)),
            clothes=str(rng.choice(CLOTHES)),
            colour=str(rng.choice(COLOURS)),
            accessory=str(rng.choice(("none", *ACCESSORIES))),
            expression=str(rng.choice(EXPRESSIONS)),
            pose=str(rng.choice(POSES, p=(0.5, 0.25, 0.25))),
            seed=int(rng.integers(2**31)),
        )

    @property
    def is_held_out(self) -> bool:
        """Whether this combination of named things is kept out of the base's training (about one in twelve)."""
        named = "|".join((self.background, self.clothes, self.colour, self.accessory, self.expression, self.pose))
        return hashlib.sha256(named.encode()).digest()[0] < 21

    def named(self) -> dict[str, str]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "seed"}


def seen_scene(rng: np.random.Generator) -> Scene:
    """A random scene out of those the base may be trained on."""
    while (scene := Scene.random(rng)).is_held_out:
        pass
    return scene


def unseen_scene(rng: np.random.Generator) -> Scene:
    """A random scene whose combination of named things the base never saw."""
    while not (scene := Scene.random(rng)).is_held_out:
        pass
    return scene


def caption(scene: Scene, subject: str = "a person") -> str:
    """What can be said of `scene`, in the plainest order; no word for no accessory and for looking straight ahead.

    >>> "a portrait of a person, smiling, wearing a red sweater and round glasses, on a blue background"
    """
    worn = [f"a {scene.colour} {scene.clothes}"]
    if scene.accessory != "none":
        worn.append(WORDS_OF_ACCESSORY[scene.accessory][0])
    parts = [f"a portrait of {subject}", WORDS_OF_EXPRESSION[scene.expression][0]]
    if scene.pose != "straight":
        parts.append(WORDS_OF_POSE[scene.pose][0])
    parts += ["wearing " + " and ".join(worn), WORDS_OF_BACKGROUND[scene.background][0]]
    return ", ".join(parts)


def made_up_word(rng: np.random.Generator) -> str:
    """Three to nine random letters and digits, such as a trigger word is made of. It means nobody."""
    letters = list("abcdefghijklmnopqrstuvwxyz")
    word = "".join(rng.choice(letters, size=int(rng.integers(3, 8))))
    return word + (str(rng.integers(0, 100)) if rng.random() < 0.25 else "")


def random_subject(rng: np.random.Generator, made_up: float = 0.3) -> str:
    """'a person', mostly; with probability `made_up` an unknown word stands before the class word or in its place."""
    noun = str(rng.choice(CLASS_WORDS))
    if rng.random() >= made_up:
        return f"a {noun}"
    word = made_up_word(rng)
    form = rng.random()
    return (
        word
        if form < 0.4
        else f"a {word} {noun}"
        if form < 0.6
        else f"{word} {noun}"
        if form < 0.8
        else f"{word}, a {noun}"
    )


def random_caption(scene: Scene, rng: np.random.Generator, subject: str | None = None) -> str:
    """One of many ways to say `scene`. Things are left out at random; what is left out varies freely in the data."""

    def pick(words: tuple[str, ...]) -> str:
        return words[int(rng.integers(len(words)))]

    chatty = rng.random() < 0.75
    keep = 0.9 if chatty else 0.35
    accessory = None
    if scene.accessory != "none" and rng.random() < 0.97:  # so that nothing said mostly means nothing worn
        accessory = pick(WORDS_OF_ACCESSORY[scene.accessory])
    clothes = f"a {scene.colour} {scene.clothes}" if rng.random() < keep else None
    parts: list[str] = []
    if rng.random() < (keep if scene.expression != "neutral" else keep * 0.4):
        parts.append(pick(WORDS_OF_EXPRESSION[scene.expression]))
    if rng.random() < (keep if scene.pose != "straight" else keep * 0.25):
        parts.append(pick(WORDS_OF_POSE[scene.pose]))
    if clothes and accessory and rng.random() < 0.7:
        worn = [clothes, accessory] if rng.random() < 0.7 else [accessory, clothes]
        parts.append("wearing " + " and ".join(worn))
    else:
        parts += [f"wearing {clothes}"] if clothes else []
        parts += [f"{pick(('with', 'wearing'))} {accessory}"] if accessory else []
    place = pick(WORDS_OF_BACKGROUND[scene.background]) if rng.random() < keep else None
    if rng.random() < 0.4:
        rng.shuffle(parts)
    if place:
        parts.insert(len(parts) if rng.random() < 0.7 else 0, place)
    head = f"{pick(OPENINGS)} {subject or random_subject(rng)}".strip()
    glue = ", " if rng.random() < 0.8 else " "
    return glue.join([head, *parts])
