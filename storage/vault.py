"""Keys. Each dataset and each painting has a data key of its own; what it seals can be forgotten by dropping it.

    master key (environment LIKENESS_MASTER_KEY, or the secret file)
        └── wraps ──► vault/keys/<key id>      one small file per data key, AES-256-GCM
                          └── seals ──► blobs, captions, prompts, file names   AES-256-GCM

The wrapped keys are files and not rows on purpose: a copy of the database holds sealed text, never its key, so that
dropping a key reaches the backups too. Whoever copies the data folder to another place must let deletions follow
(`rsync --delete`), else what was forgotten here can still be opened there.
"""

from __future__ import annotations

import base64
import errno
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import BadMasterKey, BlobDamaged, DiskFull, KeyForgotten

MASTER_KEY_VARIABLE = "LIKENESS_MASTER_KEY"
KEY_BYTES = 32
NONCE_BYTES = 12
CHECK = "check"
"""A known text sealed by the master key: tells a wrong key from a damaged file."""
CHECK_TEXT = b"likeness vault 1"


class Vault:
    """Opened with `Vault.open`. Safe to use from several threads: its only state is a cache."""

    def __init__(self, folder: Path, master: bytes) -> None:
        self.folder = folder
        self._keys_folder = folder / "keys"
        self._master = AESGCM(master)
        self._open: dict[str, AESGCM] = {}

    @classmethod
    def open(cls, folder: Path, *, environ: Mapping[str, str] = os.environ, secret_file: Path | None = None) -> Vault:
        """The vault in `folder`, made on first use.

        The master key comes from LIKENESS_MASTER_KEY (32 bytes as 64 hex digits or as base64), else from `secret_file`
        (default `folder`/master.key), which is made with mode 0600 on first use. Raises BadMasterKey with one sentence
        when the key is missing, malformed or another one than the vault was made with.
        """
        secret_file = secret_file or folder / "master.key"
        for part in (folder, folder / "keys"):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        check = folder / "keys" / CHECK
        vault = cls(folder, _master_key(secret_file, environ, may_create=not check.exists()))
        if not check.exists():
            write_whole(check, _seal(vault._master, CHECK_TEXT, CHECK))
            return vault
        try:
            _unseal(vault._master, check.read_bytes(), CHECK)
        except InvalidTag:
            source = MASTER_KEY_VARIABLE if environ.get(MASTER_KEY_VARIABLE) else str(secret_file)
            raise BadMasterKey(
                f"The master key in {source} is not the one {folder} was made with: put the old key back."
            ) from None
        return vault

    # -- data keys

    def create_key(self) -> str:
        """A new data key, on disk and durable before this returns. Returns its id."""
        key_id = secrets.token_hex(16)
        key = AESGCM.generate_key(8 * KEY_BYTES)
        write_whole(self._path(key_id), _seal(self._master, key, key_id))
        self._open[key_id] = AESGCM(key)
        return key_id

    def forget_key(self, key_id: str) -> None:
        """Drop the data key for good. What it sealed, wherever copied, cannot be opened any more. Safe to repeat."""
        self._open.pop(key_id, None)
        path = self._path(key_id)
        if path.exists():
            # Overwritten first for disks that would keep the old block; a copy-on-write disk keeps it a while all the same.
            with path.open("r+b") as file:
                file.write(os.urandom(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(path.parent)

    def knows(self, key_id: str) -> bool:
        return key_id in self._open or self._path(key_id).exists()

    def key_ids(self) -> set[str]:
        return {
            path.name for path in self._keys_folder.iterdir() if path.name != CHECK and not path.name.endswith(".tmp")
        }

    # -- sealing

    def seal(self, key_id: str, data: bytes, about: str) -> bytes:
        """12-byte nonce + AES-256-GCM. `about` says what this is and must be the same when unsealing."""
        return _seal(self._key(key_id), data, about)

    def unseal(self, key_id: str, sealed: bytes, about: str) -> bytes:
        """Raises KeyForgotten, or BlobDamaged when the bytes are not what was sealed under this key for `about`."""
        try:
            return _unseal(self._key(key_id), sealed, about)
        except InvalidTag:
            raise BlobDamaged(f"Sealed bytes of {about.split('/')[0]} under key {key_id} do not open.") from None

    def _key(self, key_id: str) -> AESGCM:
        key = self._open.get(key_id)
        if key is None:
            try:
                wrapped = self._path(key_id).read_bytes()
            except FileNotFoundError:
                raise KeyForgotten(f"The key {key_id} was forgotten: what it sealed is gone.") from None
            try:
                key = AESGCM(_unseal(self._master, wrapped, key_id))
            except InvalidTag:
                raise BlobDamaged(f"The key file {key_id} is damaged.") from None
            self._open[key_id] = key
        return key

    def _path(self, key_id: str) -> Path:
        if not (key_id.isalnum() and key_id.isascii()):
            raise ValueError("not a key id")
        return self._keys_folder / key_id


def write_whole(path: Path, data: bytes) -> None:
    """All of `data` or nothing, durable when this returns: temporary file, fsync, rename, fsync of the folder.

    Raises DiskFull.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The disk is full: nothing was written. Make room and try again.") from error
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in `folder` durable (a no-op where folders cannot be opened)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _seal(key: AESGCM, data: bytes, about: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, data, about.encode())


def _unseal(key: AESGCM, sealed: bytes, about: str) -> bytes:
    if len(sealed) < NONCE_BYTES + 16:
        raise InvalidTag
    return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())


def _master_key(secret_file: Path, environ: Mapping[str, str], *, may_create: bool) -> bytes:
    text = environ.get(MASTER_KEY_VARIABLE, "").strip()
    if text:
        return _parse(text, MASTER_KEY_VARIABLE)
    if secret_file.exists():
        if os.name == "posix" and stat.S_IMODE(secret_file.stat().st_mode) & 0o077:
            raise BadMasterKey(f"Others on this machine can read {secret_file}: run `chmod 600 {secret_file}`.")
        return _parse(secret_file.read_text().strip(), str(secret_file))
    if not may_create:
        raise BadMasterKey(f"The master key is gone: set {MASTER_KEY_VARIABLE} or put {secret_file} back.")
    key = secrets.token_bytes(KEY_BYTES)
    secret_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(secret_file, key.hex().encode())
    return key


def _parse(text: str, source: str) -> bytes:
    for decode in (bytes.fromhex, base64.standard_b64decode):
        try:
            key = decode(text)
        except ValueError:  # also what base64 raises
            continue
        if len(key) == KEY_BYTES:
            return key
    raise BadMasterKey(f"The master key in {source} is not 32 bytes written as 64 hex digits or as base64.")
