"""The pictures of a vote: every column once, the base aside, nothing wider than a phone can show."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from bot.studio import ballot_sheet
from bot.studio.ballot_sheet import ACROSS, BASE, GAP, HEAD, SMALL, TILE, Column, bands
from tests.studio.test_sheets import BLUE, RED, flat, near, opened

LABEL = round(SMALL * 1.6)


SHADES = [(10 + 20 * n, 200 - 15 * n, 90) for n in range(10)]


def columns(count: int, title: str = "", scores: tuple[str, ...] = (), marked: bool = False) -> list[Column]:
    return [Column("ABCDEFGHIJ"[n], title, (flat(SHADES[n]),) * 4, scores, marked) for n in range(count)]


@pytest.mark.parametrize(
    ("count", "split"), [(1, [1]), (4, [4]), (5, [3, 2]), (8, [4, 4]), (9, [3, 3, 3]), (10, [4, 3, 3])]
)
def test_bands_are_as_few_and_as_even_as_can_be(count: int, split: list[int]) -> None:
    found = bands(columns(count))
    assert [len(band) for band in found] == split
    assert "".join(column.letter for band in found for column in band) == "ABCDEFGHIJ"[:count]


@pytest.mark.parametrize("count", [1, 3, 5, 10])
def test_every_column_stands_once_beside_the_base_in_all_rows(count: int) -> None:
    base, shown = Column("", "base", (flat(RED),) * 4), columns(count)
    sheets = [opened(data) for data in ballot_sheet.grid(base, shown, ["a portrait of ohwx person " * 20] * 4)]
    assert len({sheet.size for sheet in sheets}) == 1, "a tile is as large in every band"
    assert all(sheet.width <= 2048 and sheet.width <= BASE + 3 * GAP + ACROSS * (TILE + GAP) for sheet in sheets)
    for sheet, band in zip(sheets, bands(shown), strict=True):
        for row in range(4):
            middle = HEAD + row * (LABEL + TILE) + LABEL + TILE / 2
            assert near(sheet, GAP + BASE / 2, middle, RED), "the base, smaller, at the left of each"
            for place, column in enumerate(band):
                x = BASE + 3 * GAP + place * (TILE + GAP) + TILE / 2
                assert near(sheet, x, middle, SHADES["ABCDEFGHIJ".index(column.letter)])


def test_without_a_base_and_with_scores_it_is_drawn_too() -> None:
    bare = opened(ballot_sheet.grid(None, columns(2), ["x"])[0])
    told = opened(
        ballot_sheet.grid(None, columns(2, title="epoch 3", scores=("likeness 7", "prompt 9 %"), marked=True), ["x"])[0]
    )
    assert told.height > bare.height and told.width == bare.width == GAP + 2 * (TILE + GAP)


def test_a_blind_column_looks_alike_whatever_its_epoch() -> None:
    """Two columns of the same pictures are the same picture but for the letter."""
    same = [Column(letter, "", (flat(BLUE),) * 2) for letter in "AB"]
    one, other = (opened(ballot_sheet.grid(None, [column], ["x", "y"])[0]) for column in same)
    differs = ImageChops.difference(one, other).point([0 if value < 40 else 255 for value in range(256)] * 3).getbbox()
    assert differs is not None and differs[3] <= HEAD, "but for the letter in the head they are one picture"


@pytest.mark.parametrize(("count", "across"), [(1, 1), (2, 2), (4, 2)])
def test_one_column_is_as_large_as_a_screen(count: int, across: int) -> None:
    for column in (Column("C", "", (flat(RED),) * count), Column("", "base", (flat(RED),) * count)):
        sheet = opened(ballot_sheet.alone(column, ["a portrait of ohwx person, on the moon"] * count))
        assert sheet.width == across * (ballot_sheet.LARGE + GAP) + GAP
        assert near(sheet, GAP + ballot_sheet.LARGE / 2, HEAD + ballot_sheet.LARGE / 2, RED)


def test_the_letter_is_drawn() -> None:
    with_letter = opened(ballot_sheet.grid(None, columns(1), ["x"])[0])
    assert isinstance(with_letter, Image.Image)
    blues = [with_letter.getpixel((x, HEAD // 2)) for x in range(with_letter.width)]
    assert any(abs(b[2] - 195) < 25 and b[0] < 100 for b in blues), "a blue key, as the reaction looks"  # type: ignore[index, operator]
