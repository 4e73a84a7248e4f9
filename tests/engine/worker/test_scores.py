"""What a score means, and which epoch is suggested with which reason. The eyes are made up; the miniature's own are tried
in test_learning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.worker.scores import Reader, Scores, suggest, without


class Eyes:
    """A picture's identity is an angle, written in its red; strangers stand at right angles on average."""

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        angles = np.array([_colour(picture)[0] for picture in pictures]) / 100
        return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


class Matcher:
    """How well a picture matches any prompt is written in its green; it matches other prompts at 0.1."""

    def match(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> NDArray[np.float32]:
        found = np.full((len(pictures), len(prompts)), 0.1, dtype=np.float32)
        for index, picture in enumerate(pictures):
            found[index, index] = _colour(picture)[1] / 100
        return found


def _colour(picture: Image.Image) -> tuple[int, int, int]:
    red, green, blue = picture.getpixel((0, 0))  # pyright: ignore[reportGeneralTypeIssues, reportAssignmentType]
    return red, green, blue


def picture(angle: int, match: int = 50) -> Image.Image:
    return Image.new("RGB", (2, 2), (angle, match, 0))


def reader(spread: int = 20) -> Reader:
    photos = [picture(angle) for angle in (100 - spread, 100, 100 + spread)]
    return Reader(Eyes(), Matcher(), 0.0, photos, ["a portrait of a person", "a person on the moon"])


def test_the_subjects_own_photos_are_a_hundred_and_a_stranger_is_nothing() -> None:
    one = reader(spread=30)
    own = [picture(angle) for angle in (70, 100, 130)]
    # Photo against photo leaves out each one's likeness to itself, a new picture of the subject has none to leave out.
    likeness = one.read(own).likeness
    assert likeness is not None
    assert 100 <= likeness <= 105
    assert one.read([picture(0), picture(200)]).likeness == pytest.approx(100 * np.cos(1.0), abs=4)
    assert one.read([picture(255), picture(255)]).likeness == pytest.approx(0, abs=4)


def test_fidelity_is_relative_to_the_base() -> None:
    one = reader()
    assert one.read_base([picture(0, 50), picture(0, 70)]).fidelity == 100
    assert one.read([picture(0, 50), picture(0, 70)]).fidelity == 100
    assert one.read([picture(0, 30), picture(0, 40)]).fidelity == 50
    assert one.read([picture(0, 10), picture(0, 10)]).fidelity == 0


def test_a_base_that_does_not_follow_prompts_measures_no_fidelity() -> None:
    one = reader()
    assert one.read_base([picture(0, 11), picture(0, 11)]).fidelity is None
    assert one.read([picture(0, 50), picture(0, 70)]).fidelity is None


@pytest.mark.parametrize(
    ("scores", "epoch", "words"),
    [
        ({1: Scores(40, 99), 2: Scores(70, 98), 3: Scores(80, 95), 4: Scores(81, 94)}, 3, "80 of 100"),
        ({1: Scores(40, 99), 2: Scores(75, 96), 3: Scores(90, 60)}, 2, "follows prompts like the base (96"),
        ({1: Scores(40, 99), 2: Scores(90, 84)}, 2, "less well than the base (84"),
        ({1: Scores(40, None), 2: Scores(60, None)}, 2, "60 of 100"),
        ({0: Scores(99, 100), 1: Scores(40, 99)}, 1, "Epoch 1"),
    ],
)
def test_the_suggestion_is_alike_while_the_prompt_counts(scores: dict[int, Scores], epoch: int, words: str) -> None:
    suggestion = suggest(scores)
    assert suggestion.epoch == epoch
    assert words in suggestion.reason
    assert suggestion.reason.endswith(".")


@pytest.mark.parametrize("scores", [{}, {0: Scores(5, 100)}, {1: Scores(None, None)}])
def test_no_scores_no_suggestion(scores: dict[int, Scores]) -> None:
    assert suggest(scores).epoch is None


@pytest.mark.parametrize(
    ("prompt", "plain"),
    [
        ("a portrait of ohwx person, smiling", "a portrait of a person, smiling"),
        ("a portrait of ohwx, on the moon", "a portrait of a person, on the moon"),
        ("a portrait of a ohwx woman", "a portrait of a woman"),
        ("OHWX on a beach", "a person on a beach"),
        ("a photo of ohwx dog", "a photo of a dog"),
        ("an ohwxish person", "an ohwxish person"),
    ],
)
def test_the_trigger_is_left_out_of_what_is_matched(prompt: str, plain: str) -> None:
    assert without("ohwx", prompt) == plain
