from __future__ import annotations

import io
from random import Random

import pytest
from PIL import Image

from bot.studio import canvas, sheets
from bot.studio.sheets import PhotoTile
from storage.records import Box, Face

RED, BLUE = (220, 30, 30), (30, 30, 220)


def flat(colour: tuple[int, int, int], width: int = 64, height: int = 64) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def noise(seed: int, side: int) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (side, side), Random(seed).randbytes(side * side * 3)).save(out, "PNG")
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "WEBP" and len(data) < canvas.LIMIT_BYTES
    return picture.convert("RGB")


def near(picture: Image.Image, x: float, y: float, colour: tuple[int, int, int]) -> bool:
    pixel = picture.getpixel((int(x), int(y)))
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True))


def tile(number: int, **more: object) -> PhotoTile:
    return PhotoTile(number, flat(RED, 400, 400), 400, 400, Box(100, 100, 300, 300), **more)  # type: ignore[arg-type]


def test_the_contact_sheet_lights_up_the_crop_and_darkens_the_rest() -> None:
    sheet = opened(sheets.contact_sheet([tile(1), tile(2, asks=True), tile(3, dropped=True), tile(4)]))
    side, gap = sheets.TILE, sheets.GAP
    assert sheet.size == (3 * (side + gap) + gap, 2 * (side + gap) + gap)
    assert near(sheet, gap + side / 2, gap + side / 2, RED)
    assert near(sheet, gap + side * 0.9, gap + side * 0.5, (84, 11, 11))
    dropped = sheet.getpixel((2 * (side + gap) + gap + side // 2, gap + side // 2))
    assert isinstance(dropped, tuple) and max(dropped) - min(dropped) < 12


def test_what_was_left_out_is_grey_with_its_reason_and_what_has_no_picture_has_its_place() -> None:
    side, gap = sheets.TILE, sheets.GAP
    whole, without = (
        PhotoTile(4, data, 0, 0, None, left_out="only 240 px high") for data in (flat(RED, 320, 240), b"")
    )
    sheet = opened(sheets.contact_sheet([whole, without, tile(3)]))
    pixel = sheet.getpixel((gap + side // 2, gap + side // 2))
    assert isinstance(pixel, tuple) and max(pixel) - min(pixel) < 12, "grey"
    for place in range(2):
        left = gap + place * (side + gap)
        band = sheet.crop((left, gap + side - 50, left + side, gap + side - 2)).convert("L")
        assert band.getextrema()[0] < 40 and band.getextrema()[1] > 200, "light words on a dark band"
    assert near(sheet, 2 * (side + gap) + gap + side / 2, gap + side / 2, RED)


def test_letters_the_font_lacks_are_written_out() -> None:
    assert canvas.legible("zu groß für „4“ – café × 2…") == 'zu gross fuer "4" - cafe x 2...'
    assert canvas.legible("кот 🙂 plain") == "??? ? plain"
    (line,) = canvas.wrap("über", 22, 200)
    assert line == "ueber"


def test_boxes_count_in_the_pixels_of_the_cleaned_photo() -> None:
    """The stored picture may be smaller than the size on record; the box still lands on the same place."""
    photo = Image.new("RGB", (200, 100), BLUE)
    photo.paste(RED, (100, 0, 200, 100))
    out = io.BytesIO()
    photo.save(out, "PNG")
    half = PhotoTile(1, out.getvalue(), 400, 200, Box(200, 0, 400, 200))
    assert near(opened(sheets.caption_sheet([half])), sheets.CROP_TILE * 0.8, sheets.CROP_TILE * 0.5, RED)


@pytest.mark.parametrize("size", [(50, 2000), (2000, 50), (1, 1), (1600, 1200)])
def test_photos_of_any_shape_are_shown(size: tuple[int, int]) -> None:
    photo = PhotoTile(7, flat(RED, *size), *size, Box(0, 0, 1, 1), (Face(Box(0, 0, 1, 1), 0.9),) * 2)
    for sheet in (sheets.contact_sheet([photo]), sheets.crop_editor(photo), sheets.caption_sheet([photo])):
        opened(sheet)


def test_the_bases_picture_stands_in_the_corner_of_an_epochs() -> None:
    sheet = opened(sheets.epoch_post("Epoch 1 of 3", ["one", "two"], [flat(RED)] * 2, [flat(BLUE)] * 2))
    side, gap = sheets.PREVIEW_TILE, sheets.GAP
    assert near(sheet, gap + side * 0.3, 64 + side * 0.3, BLUE)
    assert near(sheet, gap + side - side / 8 - 8, 64 + side - side / 8 - 8, RED)


@pytest.mark.parametrize(("count", "columns"), [(2, 2), (4, 2), (5, 3), (9, 3)])
def test_several_pictures_beside_each_other(count: int, columns: int) -> None:
    sheet = opened(sheets.several([flat(RED, 512, 512)] * count))
    assert sheet.width == columns * (512 + sheets.GAP) + sheets.GAP


def test_what_hardly_compresses_still_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "LIMIT_BYTES", 130_000)
    sheet = opened(sheets.several([noise(seed, 128) for seed in range(4)]))
    assert sheet.width == 2 * (320 + sheets.GAP) + sheets.GAP
    # Even the worst quality is too much for this one: it is made smaller.
    assert opened(canvas.to_webp(Image.frombytes("RGB", (600, 600), Random(1).randbytes(1_080_000)))).width == 300


def test_long_words_end_in_dots() -> None:
    lines = canvas.wrap("a portrait of ohwx person, wearing a yellow sweater, on a green background", 22, 200)
    assert len(lines) == 2 and lines[1].endswith("...")
    assert canvas.wrap("", 22, 200) == ()
    broken = canvas.wrap("x" * 200, 22, 200)
    assert len(broken) == 2 and broken[1].endswith("...") and all(canvas.width_of(text, 22) <= 200 for text in broken)
    assert canvas.wrap("kat3r1na-the-great-gen0", 22, 200) == ("kat3r1na-the-", "great-gen0")
