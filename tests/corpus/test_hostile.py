"""Every file of the corpus gets its sentence, and none of them takes the reader down."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator

import pytest
from PIL import Image

from engine.worker.decode import Decoder, Pixels, Refused
from tests.corpus import hostile

MIN_SIDE = 256


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


def verdict(decoder: Decoder, data: bytes) -> str:
    with pytest.raises(Refused) as refused:
        decoder.read(data, MIN_SIDE)
    return str(refused.value)


GOOD = hostile.saved(hostile.scene(), "JPEG", quality=90)
SENTENCES = {
    "is an empty file; send it again": [b""],
    "is an incomplete upload; send it again": [
        GOOD[: len(GOOD) // 2],
        GOOD[:30],
        hostile.saved(hostile.scene(), "PNG")[:2000],
        hostile.saved(hostile.scene(), "WEBP")[:900],
        b"\x89PNG\r\n\x1a\n",
    ],
    "is not a photo; send a JPEG, PNG or WebP photo": [hostile.WORDS, hostile.HTML, hostile.SVG, hostile.PICKLE, b"\0" * 5000],
    "has 20000x20000 px; at most 50 megapixels are read, send it smaller": [
        hostile.png_bomb(20000, 20000),
        hostile.jpeg_saying(20000, 20000),
    ],
    "has 11000x9000 px; at most 50 megapixels are read, send it smaller": [hostile.jpeg_saying(11000, 9000)],
    "is 50 px wide; at least 256 are needed": [hostile.saved(hostile.scene((50, 50)), "PNG")],
    "is 240 px high; at least 256 are needed": [hostile.saved(hostile.scene((320, 240)), "JPEG")],
    "is 1 px high; at least 256 are needed": [hostile.saved(hostile.scene((30000, 1)), "PNG")],
    "is 300x1300 px, too long and narrow; crop it to what it should show": [hostile.saved(hostile.scene((300, 1300)), "JPEG")],
    "is animated; take its first frame, or send one still picture of it": [
        hostile.animated(kind) for kind in ("WEBP", "PNG", "GIF")
    ],
    "comes as AVIF; send a JPEG, PNG or WebP photo": [hostile.AVIF],
    "comes as PDF; send a JPEG, PNG or WebP photo": [b"%PDF-1.7 and more"],
    "comes as ZIP; send a JPEG, PNG or WebP photo": [b"PK\x03\x04 inside another one"],
    "comes as BMP; send a JPEG, PNG or WebP photo": [hostile.saved(hostile.scene(), "BMP")],
    "comes as TIFF; send a JPEG, PNG or WebP photo": [hostile.saved(hostile.scene(), "TIFF")],
    "is damaged and cannot be read; send it again or save it anew as JPEG": [hostile.text_bomb()],
}  # fmt: skip


@pytest.mark.parametrize(("sentence", "data"), [(words, data) for words, files in SENTENCES.items() for data in files])
def test_each_is_refused_with_its_reason_and_what_to_do(decoder: Decoder, sentence: str, data: bytes) -> None:
    assert verdict(decoder, data) == sentence
    assert decoder.read(GOOD, MIN_SIDE).width == 640, "the next photo is read as if nothing had been"


def test_a_heic_photo_is_refused_politely_where_nothing_opens_it(decoder: Decoder) -> None:
    try:
        import pillow_heif  # noqa: F401  # pyright: ignore
    except ImportError:
        assert verdict(decoder, hostile.HEIC) == "is a HEIC photo, which this server cannot open; send it as JPEG"
    else:
        assert verdict(decoder, hostile.HEIC).startswith("is damaged")


def test_noise_in_a_photo_is_a_refusal_or_a_photo(decoder: Decoder) -> None:
    dice = random.Random(7)
    bases = (GOOD, hostile.saved(hostile.scene(), "PNG"), hostile.saved(hostile.scene(), "WEBP"), hostile.with_gps())
    for _ in range(40):
        data = bytearray(dice.choice(bases))
        for _ in range(dice.randint(1, 30)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            pixels = decoder.read(bytes(data), MIN_SIDE)
        except Refused as refused:
            assert re.fullmatch(r"(is|has|takes|needs|comes) .*", str(refused))
        else:
            assert len(pixels.rgb) == pixels.width * pixels.height * 3


def test_what_hangs_is_ended_and_what_dies_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    with Decoder(wall_s=10) as decoder:
        decoder.read(GOOD)
        first = decoder._child  # pyright: ignore[reportPrivateUsage]
        assert first is not None
        first.kill()
        with pytest.raises(Refused, match="stopped the reader; save it anew as JPEG and send that"):
            decoder.read(GOOD)
        assert decoder.read(GOOD).width == 640
        second = decoder._child  # pyright: ignore[reportPrivateUsage]
        assert second is not None and second.pid != first.pid
    with Decoder(wall_s=1e-6) as hasty, pytest.raises(Refused, match="takes too long to read"):
        hasty.read(GOOD)


def picture(pixels: Pixels) -> Image.Image:
    return pixels.picture()


def test_lying_photos_are_set_upright_and_nothing_rides_along(decoder: Decoder) -> None:
    data = hostile.with_gps(6)
    assert b"secret" in data
    pixels = decoder.read(data, MIN_SIDE)
    assert (pixels.width, pixels.height) == (480, 640)
    upright = hostile.scene().transpose(Image.Transpose.ROTATE_270)
    shown, wanted = picture(pixels).resize((30, 40)), upright.resize((30, 40))
    worst = max(abs(a - b) for a, b in zip(shown.tobytes(), wanted.tobytes(), strict=True))
    assert worst < 30
    assert not picture(pixels).info and not picture(pixels).getexif()


@pytest.mark.parametrize("turn", range(1, 9))
def test_all_eight_orientations(decoder: Decoder, turn: int) -> None:
    from PIL import ImageOps

    data = hostile.with_gps(turn)
    wanted = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert decoder.read(data).rgb == wanted.tobytes()


def test_sixteen_bits_are_scaled_and_not_clipped(decoder: Decoder) -> None:
    shown = picture(decoder.read(hostile.sixteen_bit_grey((300, 5000, 60000))))
    assert [shown.getpixel((x, 150)) for x in (50, 150, 250)] == [(1, 1, 1), (19, 19, 19), (233, 233, 233)]


def test_what_is_transparent_is_white(decoder: Decoder) -> None:
    shown = picture(decoder.read(hostile.half_transparent()))
    assert shown.getpixel((100, 100)) == (255, 0, 0)
    assert shown.getpixel((300, 100)) == (255, 255, 255)
    palette = hostile.saved(hostile.scene().quantize(16), "PNG", transparency=0)
    assert decoder.read(palette).width == 640


def test_cmyk_becomes_rgb(decoder: Decoder) -> None:
    red, green, blue = picture(decoder.read(hostile.cmyk())).getpixel((100, 100))  # pyright: ignore
    assert red > 180 and green < 90 and blue < 90


def test_a_press_has_its_say_about_its_cmyk(decoder: Decoder) -> None:
    red, green, blue = picture(decoder.read(hostile.cmyk_by_profile())).getpixel((100, 100))  # pyright: ignore
    assert green > 100 and red < 60, (red, green, blue)


def test_sixteen_bits_in_colour_and_with_alpha(decoder: Decoder) -> None:
    assert picture(decoder.read(hostile.sixteen_bit_colour())).getpixel((9, 9)) == (234, 19, 1)
    shown = picture(decoder.read(hostile.sixteen_bit_with_alpha()))
    assert [shown.getpixel((x, 150)) for x in (100, 300)] == [(128, 128, 128), (255, 255, 255)]


def test_a_gif_that_stands_still_is_a_photo(decoder: Decoder) -> None:
    assert decoder.read(hostile.saved(hostile.scene(), "GIF"), MIN_SIDE).width == 640


def test_a_colour_profile_is_applied_and_a_wrong_one_is_no_harm(decoder: Decoder) -> None:
    red, green, blue = picture(decoder.read(hostile.other_colours())).getpixel((100, 100))  # pyright: ignore
    assert blue > 200 and red < 60 and green < 60
    assert decoder.read(hostile.wrong_profile()).width == 640
    assert decoder.read(hostile.saved(hostile.scene(), "PNG", icc_profile=b"not a profile")).width == 640


def test_a_large_photo_is_made_smaller(decoder: Decoder) -> None:
    pixels = decoder.read(hostile.saved(Image.new("RGB", (6000, 4000), "navy"), "JPEG"))
    assert (pixels.width, pixels.height) == (4096, 2731)


def test_a_heic_photo_is_read_upright_where_the_extra_is_there(decoder: Decoder) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the extra `heic` is not installed")
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    heif.from_pillow(hostile.scene()).save(buffer, format="HEIF", quality=90, exif=exif.tobytes())
    pixels = decoder.read(buffer.getvalue(), MIN_SIDE)
    upright = hostile.scene().transpose(Image.Transpose.ROTATE_270)
    shown, wanted = pixels.picture().resize((30, 40)), upright.resize((30, 40))
    assert (pixels.width, pixels.height) == (480, 640)
    assert max(abs(a - b) for a, b in zip(shown.tobytes(), wanted.tobytes(), strict=True)) < 40
