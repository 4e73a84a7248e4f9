"""The world: fixed by its seeds, split in two, and silent about who people are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from engine.miniature import world
from engine.miniature.drawing import draw_portrait
from engine.miniature.world import Identity, Scene


def scene(**changes: str) -> Scene:
    plain = Scene("blue", "sweater", "red", "round glasses", "smiling", "straight", 11)
    return replace(plain, **changes)


def test_an_identity_and_its_portrait_follow_from_the_seed() -> None:
    first, second = (draw_portrait(Identity.from_seed(4, "unseen"), scene()) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.size == (64, 64)
    assert first.tobytes() != draw_portrait(Identity.from_seed(5, "unseen"), scene()).tobytes()


def test_a_portrait_is_the_same_on_every_machine() -> None:
    """A checksum of coarse pixels: a change of the drawing changes the world that the weights were taught."""
    coarse = np.asarray(draw_portrait(Identity.from_seed(1, "train"), scene()).resize((4, 4)), dtype=int)
    assert np.abs(coarse - np.array(COARSE)).max() <= 3


COARSE = [
    [[115, 162, 233], [119, 133, 169], [116, 136, 179], [115, 165, 238]],
    [[107, 129, 176], [119, 93, 82], [114, 91, 85], [106, 140, 200]],
    [[102, 140, 206], [121, 97, 97], [113, 106, 123], [99, 145, 217]],
    [[149, 88, 127], [182, 61, 66], [173, 69, 85], [112, 122, 186]],
]


def test_train_and_unseen_identities_are_unrelated() -> None:
    def of(split: world.Split) -> np.ndarray:
        return np.array([list(Identity.from_seed(seed, split).traits().values()) for seed in range(400)])

    train, unseen = of("train"), of("unseen")
    assert np.abs(train[:, None] - unseen[None]).max(2).min() > 0.05, "an unseen identity was met in training"
    for column in range(train.shape[1]):
        assert abs(np.corrcoef(train[:, column], unseen[:, column])[0, 1]) < 0.2


def test_every_trait_changes_the_picture() -> None:
    plain = Identity(**{field.name: 0.5 for field in fields(Identity)})
    shown = replace(plain, undertone=0.95, hair_length=0.7, hair_curl=0.8, beard=0.9, freckles=0.8)
    before = np.asarray(draw_portrait(shown, scene(accessory="none")), dtype=int)
    for field in fields(Identity):
        now = replace(shown, **{field.name: 0.05})
        moved = np.abs(np.asarray(draw_portrait(now, scene(accessory="none")), dtype=int) - before).max()
        assert moved > 5, f"{field.name} cannot be seen"


@pytest.mark.parametrize("name", ["background", "clothes", "colour", "accessory", "expression", "pose"])
def test_every_named_thing_changes_the_picture_and_the_caption(name: str) -> None:
    choices = {
        "background": world.BACKGROUNDS, "clothes": world.CLOTHES, "colour": world.COLOURS,
        "accessory": world.ACCESSORIES, "expression": world.EXPRESSIONS, "pose": world.POSES,
    }[name]  # fmt: skip
    who = Identity.from_seed(3, "train")
    shown = [scene(**{name: choice}) for choice in choices]
    assert len({draw_portrait(who, one).tobytes() for one in shown}) == len(choices)
    assert len({world.caption(one) for one in shown}) == len(choices)


def test_captions_never_name_who_it_is() -> None:
    """No word of a caption has anything to do with the identity: it is not among the arguments, and no trait is named."""
    rng = np.random.default_rng(0)
    said = " ".join(world.random_caption(Scene.random(rng), rng, "a person") for _ in range(3000))
    words = set(said.replace(",", " ").split())
    for trait in (
        "hair",
        "beard",
        "freckles",
        "nose",
        "skin",
        "eyes",
        "blond",
        "brow",
        "ears",
        "jaw",
        "lips",
        "chin",
        "bald",
        "curly",
    ):
        assert trait not in words
    assert "person" in words


def test_held_out_combinations_stay_out() -> None:
    rng = np.random.default_rng(1)
    seen, unseen = [world.seen_scene(rng) for _ in range(300)], [world.unseen_scene(rng) for _ in range(100)]
    assert not any(one.is_held_out for one in seen)
    assert all(one.is_held_out for one in unseen)
    assert not {tuple(one.named().items()) for one in seen} & {tuple(one.named().items()) for one in unseen}


def test_the_plain_caption() -> None:
    assert (
        world.caption(scene(), "ohwx")
        == "a portrait of ohwx, smiling, wearing a red sweater and round glasses, on a blue background"
    )


def test_drawing_needs_no_torch() -> None:
    code = "import sys, engine.miniature.photos, engine.miniature.senses\n"
    code += "sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
