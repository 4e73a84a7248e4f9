"""A ZIP of photos, unpacked by a process that may die of it.

Archives are the oldest way to hurt who opens them: so their directory is read, and every member inflated, in a child with a
limit on memory, on CPU and on time, and by rules that are asked before a byte is inflated and again while it is. Nothing is
ever written, and no name in the archive is used for anything but to show it. What comes back are the bytes of photos as they
lay there: whether they are photos, the engine says, one by one.

    {"photo": {"name", "caption", "size"}} + bytes    one that was taken
    {"left": {"name", "why"}}                         one that was not
    {"end": {"others"}} or {"bad": why}               the last line
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from bot.folder import CAPTION_CHARACTERS, SUFFIXES, natural

MIB = 1024 * 1024
ZIP_MIB = 100
"""The archive itself."""
PHOTO_MIB = 25
TOTAL_MIB = 250
"""All that is taken out."""
MOST_PHOTOS = 100
"""Taken out of one archive: twice what a subject may have."""
MOST_MEMBERS = 2000
DIRECTORY_BYTES = MIB
MOST_RATIO = 200
"""A member that says it grows by more is no photo: those are packed already."""
CAPTION_BYTES = 8192
MEMORY_BYTES = 1 << 30
CPU_S = 20
WALL_S = 30.0
CHUNK = 1 << 16
LONGEST_NAME = 100
MAGIC = b"PK\x03\x04"
END = struct.Struct("<4s4H2LH")
END_MAGIC = b"PK\x05\x06"
NEEDED = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "SYSTEMROOT")
"""Of the environment, by the child."""
JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


class Why(StrEnum):
    """Of a member that was left, or of a whole archive."""

    NESTED = "nested"
    """An archive inside the archive."""
    LOCKED = "locked"
    """Under a password."""
    BROKEN = "broken"
    """Its checksum does not fit, or it ends too early."""
    TOO_BIG = "too_big"
    PACKED = "packed"
    """It grows by more than any photo does, or is packed in a way that is not read here."""
    NO_ROOM = "no_room"
    """Past what is taken out of one archive."""
    # Of the whole archive.
    NOT_A_ZIP = "not_a_zip"
    TOO_MANY = "too_many"
    BOMB = "bomb"
    SLOW = "slow"
    EMPTY = "empty"
    """No photo was in it."""


class BadParcel(Exception):
    """Nothing of the archive was taken."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True)
class Packed:
    """One photo as it lay in the archive."""

    name: str = field(repr=False)
    data: bytes = field(repr=False)
    caption: str = field(default="", repr=False)
    """From the .txt of the same name."""


@dataclass(frozen=True)
class Left:
    name: str = field(repr=False)
    why: Why


@dataclass(frozen=True)
class Parcel:
    photos: tuple[Packed, ...]
    left: tuple[Left, ...]
    others: int
    """Files that are no photos by their names."""


def is_zip(name: str, data: bytes = b"") -> bool:
    return name.lower().endswith(".zip") or data.startswith(MAGIC)


# -- in the child ------------------------------------------------------------------------------------------------------


def unpack(data: bytes) -> Iterator[Packed | Left | int]:
    """The photos and what was left, in the order of their names, then how many other files there are.

    Raises BadParcel.
    """
    members = _directory(data)
    photos = [member for member in members if PurePosixPath(_path(member)).suffix.lower() in SUFFIXES]
    captions = {_path(member): member for member in members if _path(member).lower().endswith(".txt")}
    nested = [member for member in members if is_zip(_path(member))]
    photos.sort(key=lambda member: natural(_path(member)))
    room, taken = TOTAL_MIB * MIB, 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in photos:
            why = _against(member)
            if why is None and (taken == MOST_PHOTOS or member.file_size > room):
                why = Why.NO_ROOM
            inside = b""
            if why is None:
                try:
                    inside = _inflate(archive, member, PHOTO_MIB * MIB)
                except BadMember as error:
                    why = error.why
            if why is not None:
                yield Left(_shown(member), why)
                continue
            if inside.startswith(MAGIC):
                yield Left(_shown(member), Why.NESTED)
                continue
            room, taken = room - len(inside), taken + 1
            beside = captions.pop(str(PurePosixPath(_path(member)).with_suffix(".txt")), None)
            yield Packed(_shown(member), inside, _caption(archive, beside) if beside is not None else "")
    for member in nested:
        yield Left(_shown(member), Why.NESTED)
    yield len(members) - len(photos) - len(nested) - sum(name.lower().endswith(".txt") for name in map(_path, members))


class BadMember(Exception):
    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


def _directory(data: bytes) -> list[zipfile.ZipInfo]:
    """The members that are files. Its own size is looked at before anything is built from it. Raises BadParcel."""
    at = data.rfind(END_MAGIC, max(0, len(data) - END.size - 0xFFFF))
    if at < 0 or at + END.size > len(data):
        raise BadParcel(Why.NOT_A_ZIP)
    _, _, _, _, count, size, _, _ = END.unpack_from(data, at)
    if count > MOST_MEMBERS or size > DIRECTORY_BYTES:
        raise BadParcel(Why.TOO_MANY)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        # Nonsense; of a version that is not read here; a name that is no text, or a place before the file's beginning.
        raise BadParcel(Why.NOT_A_ZIP) from None
    if len(members) > MOST_MEMBERS:
        raise BadParcel(Why.TOO_MANY)
    end = 0
    for member in sorted(members, key=lambda one: one.header_offset):
        # Members that share their bytes are how a small archive unpacks to petabytes.
        if member.header_offset < end:
            raise BadParcel(Why.NOT_A_ZIP if member.header_offset < 0 else Why.BOMB)
        end = member.header_offset + member.compress_size
    return [member for member in members if not (_is_junk(member) or member.is_dir())]


def _is_junk(member: zipfile.ZipInfo) -> bool:
    """Folders' own files, hidden ones, and links."""
    path = _path(member)
    name = PurePosixPath(path).name
    linked = stat.S_ISLNK(member.external_attr >> 16)
    return linked or not name or name.startswith(".") or any(junk in path for junk in JUNK)


def _against(member: zipfile.ZipInfo) -> Why | None:
    """What its entry in the directory says against it."""
    if member.flag_bits & 0x1:
        return Why.LOCKED
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Why.PACKED  # the others inflate a whole chunk at once, however much comes of it
    if member.file_size > PHOTO_MIB * MIB:
        return Why.TOO_BIG
    if member.file_size > MOST_RATIO * max(1, member.compress_size):
        return Why.PACKED
    return None


def _inflate(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """Its bytes; counted while they come, whatever the directory said. Raises BadMember."""
    parts: list[bytes] = []
    size = 0
    try:
        with archive.open(member) as file:
            while part := file.read(CHUNK):
                size += len(part)
                if size > most:
                    raise BadMember(Why.TOO_BIG)
                parts.append(part)
    except RuntimeError:  # its own header says, other than the directory, that it is locked or packed some other way
        raise BadMember(Why.PACKED) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError):
        raise BadMember(Why.BROKEN) from None
    if size != member.file_size:
        raise BadMember(Why.BROKEN)
    return b"".join(parts)


def _caption(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """In one line; "" where it cannot be read."""
    if _against(member) is not None or member.file_size > CAPTION_BYTES:
        return ""
    try:
        text = _inflate(archive, member, CAPTION_BYTES).decode("utf-8-sig")
    except (BadMember, UnicodeDecodeError):
        return ""
    return " ".join(text.split())[:CAPTION_CHARACTERS]


def _path(member: zipfile.ZipInfo) -> str:
    return member.filename.replace("\\", "/")


def _shown(member: zipfile.ZipInfo) -> str:
    """The last part of its path, to be shown and for nothing else."""
    name = "".join(letter for letter in PurePosixPath(_path(member)).name if letter.isprintable())
    return name[-LONGEST_NAME:] or "photo"


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Read one archive to its end, tell what is in it."""
    _limit()

    def tell(line: Mapping[str, Any], body: bytes = b"") -> None:
        target.write(json.dumps(line).encode() + b"\n" + body)

    try:
        for found in unpack(source.read(ZIP_MIB * MIB + 1)):
            if isinstance(found, Packed):
                about = {"name": found.name, "caption": found.caption, "size": len(found.data)}
                tell({"photo": about}, found.data)
            elif isinstance(found, Left):
                tell({"left": {"name": found.name, "why": found.why}})
            else:
                tell({"end": {"others": found}})
    except BadParcel as error:
        tell({"bad": error.why})
    except MemoryError:
        tell({"bad": Why.BOMB})
    target.flush()


def _limit() -> None:
    import resource

    with contextlib.suppress(ValueError, OSError):  # macOS knows the limit and does not set it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# -- in the bot --------------------------------------------------------------------------------------------------------


async def open_parcel(data: bytes, *, wall_s: float = WALL_S) -> Parcel:
    """What is in an archive. Raises BadParcel; nothing an archive holds can do more."""
    if len(data) > ZIP_MIB * MIB:
        raise BadParcel(Why.TOO_BIG)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.parcel",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=CHUNK,
        # The bot's own surroundings may hold its token and its master key: they are no business of the child.
        env={name: os.environ[name] for name in NEEDED if name in os.environ},
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        async with asyncio.timeout(wall_s):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                child.stdin.write(data)
                await child.stdin.drain()
                child.stdin.close()
            return await _told(child.stdout)
    except TimeoutError:
        raise BadParcel(Why.SLOW) from None
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, KeyError, TypeError):
        raise BadParcel(Why.BOMB) from None  # it died of it, or says what it never says
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _told(lines: asyncio.StreamReader) -> Parcel:
    photos: list[Packed] = []
    left: list[Left] = []
    total = 0
    while True:
        line = json.loads(await lines.readuntil(b"\n"))
        if "bad" in line:
            raise BadParcel(Why(line["bad"]))
        if "end" in line:
            if not photos and not left:
                raise BadParcel(Why.EMPTY)
            return Parcel(tuple(photos), tuple(left), int(line["end"]["others"]))
        if "left" in line:
            left.append(Left(str(line["left"]["name"]), Why(line["left"]["why"])))
            continue
        about = line["photo"]
        total += (size := int(about["size"]))
        if total > TOTAL_MIB * MIB or len(photos) == MOST_PHOTOS:
            raise BadParcel(Why.BOMB)
        photos.append(Packed(str(about["name"]), await lines.readexactly(size), str(about["caption"])))


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
