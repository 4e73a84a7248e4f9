"""Files as people and worse people send them, made by code."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms, ImageDraw

SIZE = (640, 480)
WORDS = b"Hello! This was a shopping list: milk, bread, two lemons.\n" * 20


def scene(size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    """A picture with something in it: sky, ground, a round thing off the middle."""
    width, height = size
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, height * 0.7, width, height), fill=(60, 120, 50))
    pen.ellipse((width * 0.5, height * 0.2, width * 0.75, height * 0.6), fill=(220, 180, 150))
    pen.line((0, 0, width * 0.4, height), fill=(30, 30, 160), width=max(1, width // 50))
    return picture.convert(mode)


def saved(picture: Image.Image, kind: str, **more: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **more)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png_bomb(width: int, height: int) -> bytes:
    """Says that it is so large; the rows are all black and take nothing in the file."""
    packer = zlib.compressobj(1)
    row = b"\0" * (1 + (width + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png_header(width, height, depth=1, colour=0) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def jpeg_saying(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size."""
    data = bytearray(saved(scene((64, 64)), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def animated(kind: str) -> bytes:
    pictures = [scene().rotate(30 * turn) for turn in range(3)]
    return saved(pictures[0], kind, save_all=True, append_images=pictures[1:])


def with_gps(turn: int = 6) -> bytes:
    """A JPEG whose pixels lie on their side, with a place, a name and words in its EXIF, XMP and comment."""
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x010E] = turn, "Somebody Secret", "Home, sweet home"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 13.0, 48.0), 3: "E", 4: (21.0, 0.0, 44.0)})
    return saved(scene(), "JPEG", exif=exif, xmp=b"<x:xmpmeta>secret place</x:xmpmeta>", comment=b"secret words")


def sixteen_bit_grey(values: tuple[int, ...], side: int = 300) -> bytes:
    """Stripes of these 16-bit values, from left to right."""
    stripe = side // len(values)
    row = b"\0" + b"".join(struct.pack(">H", value) * stripe for value in values)
    body = zlib.compress(row * side)
    return png_header(stripe * len(values), side, depth=16, colour=0) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def half_transparent() -> bytes:
    """Red on the left; nothing at all on the right, where the hidden colour is black."""
    picture = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 200, 300))
    return saved(picture, "PNG")


def cmyk() -> bytes:
    return saved(Image.new("CMYK", (400, 300), (0, 255, 255, 0)), "JPEG", quality=95)


def cmyk_by_profile() -> bytes:
    """Magenta and yellow, which is red to everybody; the profile of this press says that its red comes out green."""
    green = bytes((128, 40, 220))  # Lab, 8 bits each
    corners = [green if (m and y and not c) else bytes((255 - 60 * (c + m + y + k), 128, 128))
               for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]  # fmt: skip
    ramp = bytes(range(256))
    identity = b"".join(struct.pack(">i", 65536 if row == column else 0) for row in range(3) for column in range(3))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + b"".join(corners) + ramp * 3
    table += bytes(-len(table) % 4)
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    head = struct.pack(">I4sI4s4s4s", 144 + len(table), b"none", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D) + bytes(48)
    return saved(Image.new("CMYK", (400, 300), (0, 255, 255, 0)), "JPEG", quality=95, icc_profile=head + tags + table)


def sixteen_bit_with_alpha() -> bytes:
    """Grey and alpha of 16 bits: on the left all there and middle grey, on the right not there at all."""
    row = b"\0" + struct.pack(">HH", 0x8000, 0xFFFF) * 200 + struct.pack(">HH", 0x8000, 0) * 200
    body = zlib.compress(row * 300)
    return png_header(400, 300, depth=16, colour=4) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def sixteen_bit_colour() -> bytes:
    row = b"\0" + struct.pack(">HHH", 60000, 5000, 300) * 300
    return png_header(300, 300, depth=16) + chunk(b"IDAT", zlib.compress(row * 300)) + chunk(b"IEND", b"")


def other_colours() -> bytes:
    """All red by its numbers; its profile says that red is what sRGB calls blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)
    return saved(Image.new("RGB", (400, 300), (250, 0, 0)), "PNG", icc_profile=swapped)


def wrong_profile() -> bytes:
    """A profile of another colour space than the pixels."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB", 5000))
    return saved(scene(), "JPEG", icc_profile=profile.tobytes())


def text_bomb() -> bytes:
    """A PNG with a compressed text chunk that unpacks to far more than words need."""
    text = b"note\0\0" + zlib.compress(b"\0" * 5_000_000, 9)
    return png_header(*SIZE) + chunk(b"zTXt", text) + saved(scene(), "PNG")[33:]


HTML = b"<!doctype html><html><body><img src=x onerror=alert(1)></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"><rect width="500" height="500"/></svg>'
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200
AVIF = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + b"\0" * 200
PICKLE = b"\x80\x04\x95\x1f\x00\x00\x00cposix\nsystem\n\x93\x8c\x04true\x85R."
