"""From uploaded bytes to plain pixels, in a process that may die of them.

Decoders of picture formats are the part of the product that strangers' bytes reach first. So they run in a child of their
own, with a limit on memory, on CPU and on time; what comes back is a size and RGB bytes, and nothing of the file itself. The
child serves one photo after the other and is replaced when it dies. `clean` is what it does, `Decoder` is the other side.
"""

from __future__ import annotations

import contextlib
import io
import math
import signal
import socket
import subprocess
import sys
import warnings
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from engine import channel
from engine.verdicts import Cause, Verdict

if TYPE_CHECKING:
    from PIL import Image

GLIMPSE_SIDE = 320
"""Pixels of the small picture that goes with a refusal, where the photo could be opened at all."""
MOST_PIXELS = 50_000_000
LONGEST_SIDE = 4096
"""Larger photos are made smaller: nothing is trained at more, and fifty of them have to fit into memory."""
MOST_ASPECT = 4
MEMORY_BYTES = 3 << 30
"""Of address space: 50 megapixels in four channels, a few times over, and the libraries."""
WALL_S = 10.0
CPU_S = 10
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""Of a GIF one frame is read: it is here so that a moving one is not merely unknown."""
OTHER_FORMATS = {
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"8BPS": "Photoshop",
    b"PK\x03\x04": "ZIP",
    b"Rar!": "RAR",
}
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")


class Refused(Exception):
    """The message is the rest of a sentence that begins with the photo's name."""

    def __init__(self, cause: Cause, glimpse: Pixels | None = None, /, **facts: int | str) -> None:
        self.verdict = Verdict(cause, facts)
        self.glimpse = glimpse
        """The photo, small, where it could be opened."""
        super().__init__(self.verdict.sentence)


@dataclass(frozen=True, slots=True)
class Pixels:
    """Upright sRGB, three bytes each, row by row."""

    width: int
    height: int
    rgb: bytes
    day: int | None = None
    """A number that is the same for photos of one day by the camera's clock; for the reading of one set, never kept."""

    def picture(self) -> Image.Image:
        from PIL import Image

        return Image.frombytes("RGB", (self.width, self.height), self.rgb)


def glimpse_of(picture: Image.Image) -> Pixels:
    """A small copy of it."""
    small = picture.copy()
    return _plain(small, GLIMPSE_SIDE)


# -- in the child ------------------------------------------------------------------------------------------------------


def clean(data: bytes, min_side: int, *, first_frame: bool = False) -> Pixels:
    """Raises Refused. Everything that can be known from the header is judged before a pixel is decoded.

    first_frame: of what moves the first picture is taken instead of refusing it.
    """
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise Refused(Cause.EMPTY)
    formats = FORMATS + (("HEIF",) if _is_heif(data) and _opens_heif() else ())
    Image.MAX_IMAGE_PIXELS = None  # our own limit is lower, and an error where Pillow's is a warning
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a bent EXIF block makes no bad photo
            picture = Image.open(io.BytesIO(data), formats=formats)
            fault = _fault(picture, min_side, first_frame=first_frame)
            if fault is not None and fault.cause is Cause.TOO_LARGE:
                raise Refused(fault.cause, **fault.facts)
            turn, day = _orientation(picture), _day(picture)
            picture.load()
            picture = _upright(_srgb(picture), turn)
            if fault is not None:
                raise Refused(fault.cause, _plain(picture, GLIMPSE_SIDE), **fault.facts)
            return replace(_plain(picture, LONGEST_SIDE), day=day)
    except Refused:
        raise
    except UnidentifiedImageError:
        raise _unknown(data) from None
    except MemoryError:
        raise Refused(Cause.HUNGRY) from None
    except OSError:
        raise Refused(Cause.INCOMPLETE) from None
    except Exception:  # noqa: BLE001  decoders meet broken bytes with every kind of error there is
        raise Refused(Cause.DAMAGED) from None


def _plain(picture: Image.Image, longest: int) -> Pixels:
    from PIL import Image

    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return Pixels(picture.width, picture.height, picture.tobytes())


def _fault(picture: Image.Image, min_side: int, *, first_frame: bool) -> Verdict | None:
    """What the header alone says against it."""
    width, height = picture.size
    if width * height > MOST_PIXELS:
        return Verdict(Cause.TOO_LARGE, {"width": width, "height": height, "megapixels": MOST_PIXELS // 1_000_000})
    # A JPEG's further frames are a phone's depth maps, a HEIC's its thumbnails.
    moves = picture.format in ("PNG", "WEBP", "GIF") and getattr(picture, "is_animated", False)
    if moves and not first_frame:
        return Verdict(Cause.ANIMATED)
    if _orientation(picture) >= 5:
        width, height = height, width
    if min(width, height) < min_side:
        cause = Cause.TOO_NARROW if width <= height else Cause.TOO_LOW
        return Verdict(cause, {"side": min(width, height), "least": min_side})
    if max(width, height) > MOST_ASPECT * min(width, height):
        return Verdict(Cause.TOO_LONG, {"width": width, "height": height})
    return None


def _orientation(picture: Image.Image) -> int:
    """EXIF's 1 to 8; 1 where there is none or it cannot be read."""
    try:
        turn = picture.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001  as above: whatever is wrong in there, the photo is still a photo
        return 1
    return turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


def _day(picture: Image.Image) -> int | None:
    """When it was taken, in whole days; None where its EXIF does not say."""
    try:
        taken = str(picture.getexif().get_ifd(0x8769).get(0x9003, ""))
        return datetime.strptime(taken[:10], "%Y:%m:%d").toordinal()
    except Exception:  # noqa: BLE001  as above
        return None


def _upright(picture: Image.Image, turn: int) -> Image.Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM, 5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
    }  # fmt: skip
    return picture.transpose(turns[turn]) if turn in turns else picture


def _srgb(picture: Image.Image) -> Image.Image:
    """RGB in sRGB: colour profile applied, 16 bits scaled and not clipped, transparency on white."""
    from PIL import Image, ImageCms

    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I") or picture.mode == "F":
        # Pillow clips at 255 where it converts these; a PNG's 16 bits run to 65535.
        picture = picture.convert("F").point(lambda value: value * (1 / 257)).convert("L")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    elif picture.mode not in ("RGB", "L", "CMYK"):
        picture = picture.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None  # a profile of another colour space than the pixels; they are taken as they are
        if converted is not None:
            return converted
    return picture.convert("RGB")


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS


def _opens_heif() -> bool:
    try:
        import pillow_heif  # pyright: ignore[reportMissingImports]  the extra "heic"
    except ImportError:
        return False
    pillow_heif.register_heif_opener()  # pyright: ignore[reportUnknownMemberType]
    return True


def _unknown(data: bytes) -> Refused:
    """Why Pillow did not take it, from its first bytes."""
    if data[:2] == b"\xff\xd8" or data[:4] in (b"\x89PNG", b"GIF8") or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return Refused(Cause.INCOMPLETE)
    if _is_heif(data):
        return Refused(Cause.DAMAGED if _opens_heif() else Cause.HEIC_CLOSED)
    if data[4:8] == b"ftyp" and data[8:12] in AVIF_BRANDS:
        return Refused(Cause.OTHER_FORMAT, format="AVIF")
    name = next((name for magic, name in OTHER_FORMATS.items() if data.startswith(magic)), None)
    return Refused(Cause.OTHER_FORMAT, format=name) if name else Refused(Cause.NOT_A_PHOTO)


def serve(peer: socket.socket) -> None:
    """Answer photo after photo until the other side is gone."""
    _limit_memory()
    while True:
        try:
            frame = channel.receive(peer)
        except channel.Closed:
            return
        _limit_cpu()
        try:
            pixels = clean(
                frame.parts[0], int(frame.header["min_side"]), first_frame=bool(frame.header.get("first_frame"))
            )
        except Refused as reason:
            header = {"refused": reason.verdict.cause.value, "facts": dict(reason.verdict.facts)}
            glimpse = reason.glimpse
            if glimpse is not None:
                header |= {"width": glimpse.width, "height": glimpse.height}
            channel.send(peer, header, (glimpse.rgb,) if glimpse is not None else ())
        else:
            facts = {"width": pixels.width, "height": pixels.height, "day": pixels.day}
            channel.send(peer, facts, (pixels.rgb,))


def _limit_memory() -> None:
    import resource

    with contextlib.suppress(ValueError, OSError):  # macOS knows the limit and does not set it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_cpu() -> None:
    """This photo's share: past it the kernel ends the process."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


# -- in the worker -----------------------------------------------------------------------------------------------------


class Decoder:
    """The child, from outside. A context manager; the child starts with the first photo and starts anew after a bad one."""

    def __init__(self, *, wall_s: float = WALL_S) -> None:
        self._wall_s = wall_s
        self._child: subprocess.Popen[bytes] | None = None
        self._peer: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, data: bytes, min_side: int = 1, *, first_frame: bool = False) -> Pixels:
        """Raises Refused."""
        peer = self._peer or self._start()
        try:
            channel.send(peer, {"min_side": min_side, "first_frame": first_frame}, (data,))
            frame = channel.receive(peer)
        except (channel.Closed, channel.BadFrame) as error:
            status = self._end()
            slow = isinstance(error.__cause__, TimeoutError) or status == -signal.SIGXCPU
            raise Refused(Cause.SLOW if slow else Cause.FATAL) from None
        try:
            pixels = _pixels(frame) if frame.parts else None
            if "refused" in frame.header:
                raise Refused(Cause(frame.header["refused"]), pixels, **frame.header["facts"])
        except (KeyError, ValueError, TypeError):
            pixels = None
        if pixels is None:
            self._end()
            raise Refused(Cause.DAMAGED)
        return pixels

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "engine.worker.decode", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        ours.settimeout(self._wall_s)
        self._peer = ours
        return ours

    def _end(self) -> int:
        """The child's exit status; its own one where it is dead already, as it is when the channel broke."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None
        if self._child is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=0.2)
        self._child.kill()
        status = self._child.wait()
        self._child = None
        return status


def _pixels(frame: channel.Frame) -> Pixels:
    """Raises KeyError, TypeError or ValueError for what is no picture: the child has met strangers' bytes."""
    width, height = int(frame.header["width"]), int(frame.header["height"])
    (rgb,) = frame.parts
    if min(width, height) < 1 or max(width, height) > LONGEST_SIDE or len(rgb) != width * height * 3:
        raise ValueError("sizes that cannot be")
    day = frame.header.get("day")
    return Pixels(width, height, rgb, day if isinstance(day, int) else None)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
