"""Length-prefixed frames on a private socket: a JSON header and binary parts.

    u32 length of the header | header | part | part ...

all little-endian; the header's "parts" gives the length of each part. The lengths are checked before anything is read, so a
broken peer costs an error and not the memory. Never stdout: libraries print there.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, cast

from engine.errors import EngineError

PREFIX = struct.Struct("<I")
MOST_HEADER = 8 << 20
MOST_PARTS = 256
MOST_BYTES = 1 << 30
"""Of all parts of a frame together; the largest real one is an SDXL LoRA of about 0.2 GiB."""


class BadFrame(EngineError):
    """The peer sent something that is not a frame."""


class Closed(EngineError):
    """The peer closed the channel, or broke off in the middle of a frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    header: dict[str, Any]
    parts: tuple[bytes, ...] = ()


def encode(header: dict[str, Any], parts: tuple[bytes, ...] = ()) -> list[bytes]:
    """The frame as pieces to write one after the other; the parts themselves are not copied. Raises BadFrame if too large."""
    if len(parts) > MOST_PARTS or sum(map(len, parts)) > MOST_BYTES:
        raise BadFrame("The frame is larger than the channel carries.")
    words = json.dumps({**header, "parts": [len(part) for part in parts]}, separators=(",", ":")).encode()
    if len(words) > MOST_HEADER:
        raise BadFrame("The frame's header is larger than the channel carries.")
    return [PREFIX.pack(len(words)) + words, *parts]


def decoder() -> Generator[int, bytes, Frame]:
    """Yields how many bytes it wants next, is sent exactly those, returns the frame. Raises BadFrame."""
    (length,) = cast(tuple[int], PREFIX.unpack((yield PREFIX.size)))
    if not 2 <= length <= MOST_HEADER:
        raise BadFrame(f"A header of {length} bytes.")
    try:
        header: Any = json.loads((yield length))
    except ValueError as error:
        raise BadFrame("A header that is not JSON.") from error
    if not isinstance(header, dict):
        raise BadFrame("A header that is not an object.")
    fields = cast(dict[str, Any], header)
    sizes = _sizes(fields.pop("parts", []))
    parts: list[bytes] = []
    for size in sizes:
        parts.append((yield size) if size else b"")
    return Frame(fields, tuple(parts))


def _sizes(value: Any) -> list[int]:
    if not isinstance(value, list):
        raise BadFrame("Parts that are not a list.")
    sizes = cast(list[Any], value)
    if len(sizes) > MOST_PARTS or not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) > MOST_BYTES:
        raise BadFrame("Parts larger or more than the channel carries.")
    return sizes


def send(peer: socket.socket, header: dict[str, Any], parts: tuple[bytes, ...] = ()) -> None:
    """Blocks until written. Raises Closed."""
    try:
        for piece in encode(header, parts):
            peer.sendall(piece)
    except OSError as error:
        raise Closed("The channel is closed.") from error


def receive(peer: socket.socket) -> Frame:
    """Blocks until a whole frame is there. Raises Closed, BadFrame."""
    reading = decoder()
    wanted = next(reading)
    while True:
        try:
            wanted = reading.send(_exactly(peer, wanted))
        except StopIteration as end:
            return end.value


def _exactly(peer: socket.socket, count: int) -> bytes:
    data = bytearray(count)
    view, got = memoryview(data), 0
    while got < count:
        try:
            fresh = peer.recv_into(view[got:])
        except OSError as error:
            raise Closed("The channel is closed.") from error
        if not fresh:
            raise Closed("The channel is closed.")
        got += fresh
    return bytes(data)


async def send_async(peer: asyncio.StreamWriter, header: dict[str, Any], parts: tuple[bytes, ...] = ()) -> None:
    """Raises Closed."""
    try:
        peer.writelines(encode(header, parts))
        await peer.drain()
    except OSError as error:
        raise Closed("The channel is closed.") from error


async def receive_async(peer: asyncio.StreamReader) -> Frame:
    """Raises Closed, BadFrame."""
    reading = decoder()
    wanted = next(reading)
    while True:
        try:
            data = await peer.readexactly(wanted)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Closed("The channel is closed.") from error
        try:
            wanted = reading.send(data)
        except StopIteration as end:
            return cast(Frame, end.value)
