"""A header is a list of claims: each is held against all others before anything is made of it."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.files import header

MOST = 2**30
SOUND = {
    "a": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]},
    "b": {"dtype": "F32", "shape": [], "data_offsets": [12, 16]},
}


def packed(claims: Any, body: int = 16) -> bytes:
    text = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return struct.pack("<Q", len(text)) + text + bytes(body)


def read(data: bytes) -> header.Header:
    return header.of_bytes(data, "file", MOST)


def test_a_sound_header_says_where_everything_lies() -> None:
    data = packed({"__metadata__": {"who": "nobody"}, **SOUND})
    head = read(data)
    first, second = head.entries
    assert (first.name, first.dtype, first.shape, first.end - first.begin) == ("a", "F16", (2, 3), 12)
    assert (second.name, second.shape, second.end) == ("b", (), len(data))
    assert head.start == first.begin and head.total == len(data)
    assert head.metadata == {"who": "nobody"}


def test_the_order_of_claims_does_not_matter() -> None:
    assert [entry.name for entry in read(packed(dict(reversed(SOUND.items())))).entries] == ["a", "b"]


def test_from_a_disk_only_the_header_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(packed(SOUND))
    assert header.of_path(path, "file", MOST) == read(path.read_bytes())


class Counting(io.BytesIO):
    """A stream that knows how much was taken from it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


@pytest.mark.parametrize(
    ("size", "total", "sentence"),
    [
        (2**31, 2**31 + 8 + 16, "claims more than 16 MiB"),
        (2**31, 100, "broke off"),
        (2**63, 2**40, "larger than 4096 MiB"),
        (2**64 - 1, 100, "broke off"),
        (0, 100, "broke off"),
    ],
)
def test_a_claimed_length_is_not_believed(size: int, total: int, sentence: str) -> None:
    stream = Counting(struct.pack("<Q", size) + bytes(100))
    with pytest.raises(BadInput, match=sentence):
        header.read(stream, total, "file", 2**32)
    assert stream.taken <= 8, "nothing was read on its word"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "broke off"),
        (b"\x00" * 7, "broke off"),
        (b"PK\x03\x04" + bytes(40), "pickled file, which can run code"),
        (b"\x80\x02}q\x00." + bytes(40), "pickled file, which can run code"),
        (packed(b"[1, 2]"), "broke off"),
        (packed(b'{"a": '), "broke off"),
        (packed(b'{"a": 1, "a": 2}'), "broke off"),
        (packed(b'{"a": NaN}'), "broke off"),
        (packed(b'{"a": "\xff"}'), "broke off"),
        (packed(b'{"a":' * 50_000), "broke off"),
        (packed({"__metadata__": ["x"], **SOUND}), "list of texts"),
        (packed({"__metadata__": {"x": 1}, **SOUND}), "list of texts"),
        (packed({"../../etc/passwd": SOUND["a"]}), "like a path"),
        (packed({"a/b": SOUND["a"]}), "like a path"),
        (packed({"a\\b": SOUND["a"]}), "like a path"),
        (packed({"a\x00b": SOUND["a"]}), "like a path"),
        (packed({"": SOUND["a"]}), "like a path"),
        (packed({"x" * 257: SOUND["a"]}), "like a path"),
        (packed({str(n): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(20_001)}, 0), "20001 tensors"),
    ],
)  # fmt: skip
def test_what_is_no_header_is_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as refusal:
        read(data)
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)


def bytes_from(begin: int, end: int) -> dict[str, Any]:
    return {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}


def one(**changes: Any) -> dict[str, Any]:
    return {"a": {"dtype": "F16", "shape": [2, 4], "data_offsets": [0, 16], **changes}}


@pytest.mark.parametrize(
    "claims",
    [
        {"a": None}, {"a": []}, {"a": {"dtype": "F16"}}, one(more=1), one(dtype="F128"), one(dtype=["F16"]), one(dtype=None),
        one(shape=[2, -4]), one(shape=[2.0, 4]), one(shape=[True, 8]), one(shape="8"), one(shape=[2**41]), one(shape=[1] * 9),
        one(shape=[2, 5]), one(shape=[2**32, 2**32]), one(data_offsets=[0]), one(data_offsets=[0, 16, 16]),
        one(data_offsets=[-16, 0]), one(data_offsets=[16, 0]), one(data_offsets=[0, 2**40]), one(data_offsets="0,16"),
        # a byte that belongs to nobody: before, between and behind
        one(shape=[2], data_offsets=[12, 16]), one(shape=[2], data_offsets=[0, 4]),
        {"a": bytes_from(0, 4), "b": bytes_from(8, 16)},
        # one that belongs to two
        {"a": bytes_from(0, 12), "b": bytes_from(8, 16)},
        {"a": bytes_from(0, 16), "b": bytes_from(0, 16)},
    ],
)  # fmt: skip
def test_claims_that_do_not_fit_each_other_are_refused(claims: Any) -> None:
    with pytest.raises(BadInput, match="header is broken"):
        read(packed(claims))


@settings(deadline=None)
@given(st.binary(max_size=120), st.binary(max_size=40))
def test_no_bytes_raise_anything_but_bad_input(text: bytes, body: bytes) -> None:
    try:
        read(struct.pack("<Q", len(text)) + text + body)
    except BadInput as refusal:
        assert str(refusal).startswith("This file cannot be used: ")


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 250), st.integers(0, 255))
def test_a_changed_byte_never_makes_tensors_outside_of_the_file(place: int, value: int) -> None:
    data = bytearray(packed(SOUND))
    data[place % len(data)] = value
    try:
        head = read(bytes(data))
    except BadInput:
        return
    assert head.entries[-1].end == len(data) and head.entries[0].begin == head.start


def test_metadata_is_changed_without_touching_a_weight() -> None:
    data = packed({"__metadata__": {"a": "1", "b": "2"}, **SOUND})[:-16] + bytes(range(16))
    changed = header.with_metadata(data, {"b": "3", "c": "é"})
    head = read(changed)
    assert head.metadata == {"a": "1", "b": "3", "c": "é"}
    assert head.start % 8 == 0
    assert changed[head.start :] == bytes(range(16))
    assert [(entry.name, entry.shape) for entry in head.entries] == [("a", (2, 3)), ("b", ())]


def test_headers_names_targets_and_parameters_load_no_torch() -> None:
    """A bot may look at a file without the engine's libraries."""
    code = (
        "import sys, engine.files.header, engine.files.names, engine.files.targets, engine.files.parameters\n"
        "engine.files.targets.published()\n"
        "print([name for name in ('torch', 'diffusers', 'transformers', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
