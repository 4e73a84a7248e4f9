"""The composed pictures: contact sheet, crop editor, caption sheet, epoch post, pictures at once. Those of a vote are
drawn by `ballot_sheet`.

Pure functions from bytes to WebP bytes; slow ones (a second for a full sheet), so callers run them in a thread. Nothing
here draws people's own words but preview prompts: numbers stand on the tiles and again in the text beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from bot.language import say
from bot.studio import canvas
from storage.records import Box, Face

GAP = 12
TILE = 420
"""Pixels of one tile of a contact sheet; three across are readable on a phone."""
COLUMNS = 3
CROP_TILE = 360
CROP_COLUMNS = 4
PREVIEW_TILE = 384


@dataclass(frozen=True)
class PhotoTile:
    """One kept or dropped photo of the contact sheet. `width` and `height` are those that boxes count in."""

    number: int
    photo: bytes = field(repr=False)
    width: int
    height: int
    crop: Box | None
    faces: tuple[Face, ...] = ()
    asks: bool = False
    dropped: bool = False
    left_out: str = ""
    """Why it was not taken, in a few words; `photo` is then a small copy of it, or nothing."""


def contact_sheet(tiles: Sequence[PhotoTile]) -> bytes:
    """The photos, numbered, with their crops lit up; amber and a question mark where a person should look."""
    columns = min(COLUMNS, max(1, len(tiles)))
    rows = ceil(len(tiles) / columns)
    sheet = canvas.blank(columns * (TILE + GAP) + GAP, rows * (TILE + GAP) + GAP)
    for place, tile in enumerate(tiles):
        x = GAP + place % columns * (TILE + GAP)
        y = GAP + place // columns * (TILE + GAP)
        sheet.paste(canvas.CARD, (x, y, x + TILE, y + TILE))
        if tile.left_out:
            _left_out(sheet, x, y, tile)
        else:
            picture = _marked(tile, TILE)
            sheet.paste(picture, (x + (TILE - picture.width) // 2, y + (TILE - picture.height) // 2))
        out = tile.dropped or bool(tile.left_out)
        colour = canvas.GREY if out else canvas.AMBER if tile.asks else canvas.INK
        mark = f"{tile.number} x" if out else f"{tile.number} ?" if tile.asks else f"{tile.number}"
        canvas.badge(sheet, x + 10, y + 10, mark, 36, colour)
    return canvas.to_webp(sheet)


def crop_editor(tile: PhotoTile) -> bytes:
    """Left the photo with its crop lit up, right what the training will see."""
    large, small = 840, 420
    picture = _marked(tile, large)
    height = max(picture.height, small + 60)
    sheet = canvas.blank(picture.width + small + 3 * GAP, height + 2 * GAP)
    sheet.paste(picture, (GAP, GAP + (height - picture.height) // 2))
    x = picture.width + 2 * GAP
    y = GAP + (height - small - 60) // 2
    sheet.paste(_crop_of(tile, small), (x, y))
    canvas.badge(sheet, GAP + 10, GAP + (height - picture.height) // 2 + 10, str(tile.number), 40)
    canvas.line(
        sheet, x, y + small + 16, say("left out") if tile.dropped else say("what it learns from"), 30, canvas.SOFT
    )
    return canvas.to_webp(sheet)


def caption_sheet(tiles: Sequence[PhotoTile]) -> bytes:
    """The crops of one page of captions, numbered."""
    columns = min(CROP_COLUMNS, max(1, len(tiles)))
    rows = ceil(len(tiles) / columns)
    sheet = canvas.blank(columns * (CROP_TILE + GAP) + GAP, rows * (CROP_TILE + GAP) + GAP)
    for place, tile in enumerate(tiles):
        x = GAP + place % columns * (CROP_TILE + GAP)
        y = GAP + place // columns * (CROP_TILE + GAP)
        sheet.paste(_crop_of(tile, CROP_TILE), (x, y))
        canvas.badge(sheet, x + 10, y + 10, str(tile.number), 34)
    return canvas.to_webp(sheet)


def epoch_post(title: str, prompts: Sequence[str], base: Sequence[bytes], epoch: Sequence[bytes]) -> bytes:
    """The previews of one epoch, two across, each with the base's picture of the same seed in its corner."""
    columns = 1 if len(epoch) == 1 else 2
    tile, label = PREVIEW_TILE, 62
    rows = ceil(len(epoch) / columns)
    sheet = canvas.blank(columns * (tile + GAP) + GAP, 64 + rows * (tile + label + GAP))
    canvas.line(sheet, GAP + 2, 32, title, 34, anchor="lm")
    for place, data in enumerate(epoch):
        x = GAP + place % columns * (tile + GAP)
        y = 64 + place // columns * (tile + label + GAP)
        sheet.paste(canvas.fill(canvas.open_picture(data), tile), (x, y))
        if place < len(base):
            inset = tile // 4
            left, top = x + tile - inset - 8, y + tile - inset - 8
            sheet.paste(canvas.INK, (left - 3, top - 3, left + inset + 3, top + inset + 3))
            sheet.paste(canvas.fill(canvas.open_picture(base[place]), inset), (left, top))
        if place < len(prompts):
            for number, text in enumerate(canvas.wrap(prompts[place], 22, tile - 4)):
                canvas.line(sheet, x + 2, y + tile + 8 + number * 26, text, 22, canvas.SOFT)
    return canvas.to_webp(sheet, by_ai=True)


def several(pictures: Sequence[bytes], numbers: Sequence[int] = ()) -> bytes:
    """Pictures of one request beside each other, numbered as the buttons under them are; from 1 where nothing is said."""
    numbers = numbers or range(1, len(pictures) + 1)
    opened = [canvas.open_picture(data) for data in pictures]
    columns = 2 if len(opened) <= 4 else 3
    rows = ceil(len(opened) / columns)
    cell = min(768, max(320, max(max(picture.size) for picture in opened)))
    fitted = [canvas.fit(picture, cell) for picture in opened]
    across, down = max(p.width for p in fitted), max(p.height for p in fitted)
    sheet = canvas.blank(columns * (across + GAP) + GAP, rows * (down + GAP) + GAP)
    for place, picture in enumerate(fitted):
        x = GAP + place % columns * (across + GAP)
        y = GAP + place // columns * (down + GAP)
        sheet.paste(picture, (x + (across - picture.width) // 2, y + (down - picture.height) // 2))
        canvas.badge(sheet, x + 8, y + 8, str(numbers[place]), max(20, cell // 16))
    return canvas.to_webp(sheet, by_ai=True)


def shelf(pictures: Sequence[bytes], numbers: Sequence[int]) -> bytes:
    """A page of a gallery: the middles of up to nine pictures, three across, numbered."""
    columns = min(COLUMNS, max(1, len(pictures)))
    rows = ceil(len(pictures) / columns)
    sheet = canvas.blank(columns * (CROP_TILE + GAP) + GAP, rows * (CROP_TILE + GAP) + GAP)
    for place, (data, number) in enumerate(zip(pictures, numbers, strict=True)):
        x, y = GAP + place % columns * (CROP_TILE + GAP), GAP + place // columns * (CROP_TILE + GAP)
        sheet.paste(canvas.fill(canvas.open_picture(data), CROP_TILE), (x, y))
        canvas.badge(sheet, x + 10, y + 10, str(number), 34)
    return canvas.to_webp(sheet, by_ai=True)


def thumbnail(picture: bytes, side: int = 256) -> bytes:
    return canvas.to_webp(canvas.fill(canvas.open_picture(picture), side), by_ai=True)


def _marked(tile: PhotoTile, side: int) -> canvas.Picture:
    """The photo in at most `side` pixels with its crop lit up and its faces outlined."""
    picture = canvas.fit(canvas.open_picture(tile.photo, side), side)
    scale = picture.width / max(1, tile.width)
    if tile.dropped:
        return picture.convert("L").point([int(v * 0.5) for v in range(256)]).convert("RGB")
    marked = picture
    if tile.crop is not None:
        colour = canvas.AMBER if tile.asks else canvas.TEAL
        marked = canvas.dim_outside(picture, _scaled(tile.crop, scale, picture), colour, max(3, side // 120))
    if len(tile.faces) > 1:
        draw = canvas.ImageDraw.Draw(marked)
        for face in tile.faces:
            box = _scaled(face.box, scale, picture)
            draw.ellipse((box.x0, box.y0, box.x1, box.y1), outline=canvas.INK, width=max(1, side // 250))
    return marked


def _left_out(sheet: canvas.Picture, x: int, y: int, tile: PhotoTile) -> None:
    """What was not taken: grey, or a crossed-out frame where it could not be opened, and the reason on a band below."""
    if tile.photo:
        picture = canvas.fit(canvas.open_picture(tile.photo), TILE)
        picture = picture.convert("L").point([int(v * 0.5) for v in range(256)]).convert("RGB")
        sheet.paste(picture, (x + (TILE - picture.width) // 2, y + (TILE - picture.height) // 2))
    else:
        canvas.no_picture(sheet, x + TILE // 4, y + TILE // 5, TILE // 2)
    size = 34
    lines = canvas.wrap(tile.left_out, size, TILE - 24, most=3)
    top = y + TILE - len(lines) * round(size * 1.25) - 14
    sheet.paste((20, 21, 23), (x, top, x + TILE, y + TILE))
    for number, text in enumerate(lines):
        canvas.line(sheet, x + TILE / 2, top + 7 + number * round(size * 1.25), text, size, canvas.INK, anchor="ma")


def _crop_of(tile: PhotoTile, side: int) -> canvas.Picture:
    picture = canvas.open_picture(tile.photo)
    if tile.crop is None:
        return canvas.fill(picture, side)
    return canvas.cut(picture, _scaled(tile.crop, picture.width / max(1, tile.width), picture), side)


def _scaled(box: Box, scale: float, picture: canvas.Picture) -> Box:
    """`box` in pixels of a scaled picture, kept inside of it and never empty."""
    x0 = min(max(round(box.x0 * scale), 0), picture.width - 1)
    y0 = min(max(round(box.y0 * scale), 0), picture.height - 1)
    x1 = min(max(round(box.x1 * scale), x0 + 1), picture.width)
    y1 = min(max(round(box.y1 * scale), y0 + 1), picture.height)
    return Box(x0, y0, x1, y1)
