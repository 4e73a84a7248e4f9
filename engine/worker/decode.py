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
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from engine import channel

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 50_000_000
LONGEST_SIDE = 4096
"""Larger photos are made smaller: nothing is trained at more, and fifty of them have to fit into memory."""
MOST_ASPECT = 4
MEMORY_BYTES = 3 << 30
"""Of address space: 50 megapixels in four channels, a few times over, and the libraries."""
WALL_S = 10.0
CPU_S = 10
FORMATS = ("JPEG", "PNG", "WEBP")
SEND_INSTEAD = "send a JPEG, PNG or WebP photo"
NOT_A_PHOTO = f"is not a photo; {SEND_INSTEAD}"
INCOMPLETE = "is an incomplete upload; send it again"
DAMAGED = "is damaged and cannot be read; send it again or save it anew as JPEG"
TOO_SLOW = "takes too long to read; save it anew as JPEG and send that"
TOO_HUNGRY = "needs too much memory to read; save it smaller, as JPEG, and send that"
FATAL = "stopped the reader; save it anew as JPEG and send that"
ANIMATED = "is animated; send one still picture of it as JPEG or PNG"
OTHER_FORMATS = {
    b"GIF8": "a GIF",
    b"BM": "a BMP file",
    b"II*\0": "a TIFF file",
    b"MM\0*": "a TIFF file",
    b"%PDF": "a PDF",
    b"8BPS": "a Photoshop file",
}
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


class Refused(Exception):
    """The message is the rest of a sentence that begins with the photo's name."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Upright sRGB, three bytes each, row by row."""

    width: int
    height: int
    rgb: bytes

    def picture(self) -> Image.Image:
        from PIL import Image

        return Image.frombytes("RGB", (self.width, self.height), self.rgb)


# -- in the child ------------------------------------------------------------------------------------------------------


def clean(data: bytes, min_side: int) -> Pixels:
    """Raises Refused. Everything that can be known from the header is judged before a pixel is decoded."""
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise Refused("is an empty file; send it again")
    formats = FORMATS + (("HEIF",) if _is_heif(data) and _opens_heif() else ())
    Image.MAX_IMAGE_PIXELS = None  # our own limit is lower, and an error where Pillow's is a warning
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a bent EXIF block makes no bad photo
            picture = Image.open(io.BytesIO(data), formats=formats)
            _judge_header(picture, min_side)
            turn = _orientation(picture)
            picture.load()
            picture = _upright(_srgb(picture), turn)
    except Refused:
        raise
    except UnidentifiedImageError:
        raise Refused(_what_it_is(data)) from None
    except MemoryError:
        raise Refused(TOO_HUNGRY) from None
    except OSError:
        raise Refused(INCOMPLETE) from None
    except Exception:  # noqa: BLE001  decoders meet broken bytes with every kind of error there is
        raise Refused(DAMAGED) from None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return Pixels(picture.width, picture.height, picture.tobytes())


def _judge_header(picture: Image.Image, min_side: int) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise Refused(
            f"has {width}x{height} px; at most {MOST_PIXELS // 1_000_000} megapixels are read, send it smaller"
        )
    if (
        picture.format in ("PNG", "WEBP") and getattr(picture, "n_frames", 1) > 1
    ):  # a JPEG's further frames are a phone's depth maps
        raise Refused(ANIMATED)
    if _orientation(picture) >= 5:
        width, height = height, width
    if min(width, height) < min_side:
        raise Refused(
            f"is {min(width, height)} px {'wide' if width <= height else 'high'}; at least {min_side} are needed"
        )
    if max(width, height) > MOST_ASPECT * min(width, height):
        raise Refused(f"is {width}x{height} px, too long and narrow; crop it to what it should show")


def _orientation(picture: Image.Image) -> int:
    """EXIF's 1 to 8; 1 where there is none or it cannot be read."""
    try:
        turn = picture.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001  as above: whatever is wrong in there, the photo is still a photo
        return 1
    return turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


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


def _what_it_is(data: bytes) -> str:
    """Why Pillow did not take it, from its first bytes."""
    if data[:2] == b"\xff\xd8" or data[:4] == b"\x89PNG" or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return INCOMPLETE
    if _is_heif(data):
        return "is a HEIC photo, which this server cannot open; send it as JPEG"
    name = next((name for magic, name in OTHER_FORMATS.items() if data.startswith(magic)), None)
    return f"is {name}; {SEND_INSTEAD}" if name else NOT_A_PHOTO


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
            pixels = clean(frame.parts[0], int(frame.header["min_side"]))
        except Refused as reason:
            channel.send(peer, {"refused": str(reason)})
        else:
            channel.send(peer, {"width": pixels.width, "height": pixels.height}, (pixels.rgb,))


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

    def read(self, data: bytes, min_side: int = 1) -> Pixels:
        """Raises Refused."""
        peer = self._peer or self._start()
        try:
            channel.send(peer, {"min_side": min_side}, (data,))
            frame = channel.receive(peer)
        except (channel.Closed, channel.BadFrame) as error:
            status = self._end()
            slow = isinstance(error.__cause__, TimeoutError) or status == -signal.SIGXCPU
            raise Refused(TOO_SLOW if slow else FATAL) from None
        if "refused" in frame.header:
            raise Refused(str(frame.header["refused"]))
        width, height = int(frame.header["width"]), int(frame.header["height"])
        if len(frame.parts) != 1 or len(frame.parts[0]) != width * height * 3 or min(width, height) < 1:
            self._end()
            raise Refused(DAMAGED)
        return Pixels(width, height, frame.parts[0])

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


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
