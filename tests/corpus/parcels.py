"""ZIPs as people and worse people make them, by code."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib

MIB = 1024 * 1024


def packed(*members: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, how)
    return buffer.getvalue()


def locked(name: str, data: bytes) -> bytes:
    """Says that it is under a password, in its own header and in the directory."""
    whole = bytearray(packed((name, data)))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(magic) + at] |= 1
    return bytes(whole)


def flipped(name: str, data: bytes) -> bytes:
    """One byte of a stored member is another one than when its checksum was made."""
    whole = bytearray(packed((name, data)))
    whole[whole.index(data) + len(data) // 2] ^= 0xFF
    return bytes(whole)


def lying(name: str, size: int, says: int) -> bytes:
    """Inflates to `size` zeros where the directory and the header say so many bytes."""
    whole = bytearray(packed((name, bytes(size)), how=zipfile.ZIP_DEFLATED))
    for magic, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = whole.index(magic) + at
        whole[place : place + 4] = struct.pack("<L", says)
    return bytes(whole)


def shared(count: int, data: bytes) -> bytes:
    """Many members in the directory, one and the same behind all of them."""
    name = b"a.jpg"
    local = struct.pack(
        "<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, zlib.crc32(data), len(data), len(data), len(name), 0
    )
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, zlib.crc32(data), len(data), len(data), len(name), 0, 0, 0, 0, 0, 0
    )  # fmt: skip
    body, directory = local + name + data, (entry + name) * count
    return body + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)


def understated(count: int) -> bytes:
    """More members than its end says."""
    whole = bytearray(packed(*((f"{n}.jpg", b"") for n in range(count))))
    at = whole.rindex(b"PK\x05\x06")
    whole[at + 8 : at + 12] = struct.pack("<2H", 1, 1)
    return bytes(whole)


def linked(name: str, to: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo(name)
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, to)
        archive.writestr("real.jpg", b"a photo")
    return buffer.getvalue()
