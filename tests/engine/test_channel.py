"""Frames: whole ones pass, anything else is an error and never a surprise for the memory."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import channel
from engine.channel import PREFIX, BadFrame, Closed, Frame

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(5)
        right.settimeout(5)
        yield left, right


def decode(data: bytes) -> Frame:
    """Through the decoder by hand; EOFError where the data ends early."""
    reading = channel.decoder()
    wanted, at = next(reading), 0
    while True:
        if at + wanted > len(data):
            raise EOFError
        try:
            wanted, at = reading.send(data[at : at + wanted]), at + wanted
        except StopIteration as end:
            return end.value


def framed(header: Any) -> bytes:
    words = header if isinstance(header, bytes) else json.dumps(header).encode()
    return PREFIX.pack(len(words)) + words


@given(
    header=st.dictionaries(
        st.text(max_size=9).filter(lambda key: key != "parts"), st.integers() | st.text(), max_size=5
    ),
    parts=st.lists(st.binary(max_size=99), max_size=5),
)
def test_what_is_encoded_is_decoded(header: dict[str, Any], parts: list[bytes]) -> None:
    data = b"".join(channel.encode(header, tuple(parts)))
    assert decode(data) == Frame(header, tuple(parts))


@given(cut=st.integers(min_value=0, max_value=10_000))
def test_a_frame_cut_anywhere_is_never_taken_for_whole(cut: int) -> None:
    data = b"".join(channel.encode({"type": "event"}, (b"one", b"", b"three")))
    with pytest.raises(EOFError):
        decode(data[: cut % len(data)])


@given(st.binary(max_size=300))
def test_noise_is_refused_or_is_a_frame(noise: bytes) -> None:
    try:
        frame = decode(noise)
    except (BadFrame, EOFError):
        return
    assert sum(map(len, frame.parts)) <= len(noise)


@pytest.mark.parametrize(
    "data",
    [
        PREFIX.pack(0),
        PREFIX.pack(channel.MOST_HEADER + 1),
        PREFIX.pack(0xFFFFFFFF),
        framed(b"{not json"),
        framed(b"\xff\xfe{}"),
        framed([1, 2]),
        framed({"parts": 3}),
        framed({"parts": [-1]}),
        framed({"parts": [True]}),
        framed({"parts": ["9"]}),
        framed({"parts": [1.5]}),
        framed({"parts": [channel.MOST_BYTES, 1]}),
        framed({"parts": [0] * (channel.MOST_PARTS + 1)}),
    ],
)
def test_a_frame_that_lies_is_refused_before_its_parts_are_read(data: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(data)


def test_too_much_is_refused_by_the_sender_too() -> None:
    with pytest.raises(BadFrame):
        channel.encode({}, (b"",) * (channel.MOST_PARTS + 1))
    with pytest.raises(BadFrame):
        channel.encode({"words": "x" * channel.MOST_HEADER})


def test_across_a_socket_in_any_pieces(pair: Pair) -> None:
    left, right = pair
    big = bytes(range(256)) * 8192
    writer = threading.Thread(target=channel.send, args=(left, {"n": 1}, (big, b"", b"end")))
    writer.start()
    assert channel.receive(right) == Frame({"n": 1}, (big, b"", b"end"))
    writer.join()


@pytest.mark.parametrize("sent", [b"", b"\x05", framed({"parts": [9]}) + b"half"])
def test_a_peer_that_breaks_off_is_closed(pair: Pair, sent: bytes) -> None:
    left, right = pair
    left.sendall(sent)
    left.close()
    with pytest.raises(Closed):
        channel.receive(right)
    with pytest.raises(Closed):
        for _ in range(3):
            channel.send(right, {"anybody": "there"})


async def test_both_ends_speak_alike(pair: Pair) -> None:
    left, right = pair
    left.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=left)
    channel.send(right, {"from": "thread"}, (b"bytes",))
    assert await channel.receive_async(reader) == Frame({"from": "thread"}, (b"bytes",))
    await channel.send_async(writer, {"from": "loop"}, (b"more",))
    assert channel.receive(right) == Frame({"from": "loop"}, (b"more",))
    right.sendall(framed({"parts": [9]}) + b"half")
    right.shutdown(socket.SHUT_RDWR)
    with pytest.raises(Closed):
        await channel.receive_async(reader)
    writer.close()
