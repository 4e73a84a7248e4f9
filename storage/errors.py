"""Everything storage can refuse.

StorageError
├── NoSuchRow        nothing with this id in this guild
├── WrongState       a state cannot follow another (storage/states.py)
├── Stale            an event of an older attempt of a job: drop it
├── NameTaken        a trigger word or a LoRA's name is in use in this guild
├── BallotClosed     no votes after close
├── NotOnBallot      the epoch is not one of the ballot's options
├── DatabaseRefused  the database cannot be opened; the message is a sentence for the server's owner
│   ├── NewerDatabase    made by a newer version
│   ├── DatabaseInUse    another process has it
│   └── BadMigrations    two migrations with one number, or a gap
├── DiskFull         nothing was written; make room and try again
└── VaultError
    ├── BadMasterKey     the master key is missing, malformed or not the one this vault was made with
    ├── KeyForgotten     the data key was dropped: what it sealed is gone for good
    ├── BlobMissing      no such blob under this key
    └── BlobDamaged      the bytes on disk are not what was stored
"""

from __future__ import annotations


class StorageError(Exception):
    """Any refusal of the storage room."""


class NoSuchRow(StorageError):
    """Nothing with this id in this guild."""

    def __init__(self, noun: str, ref: object) -> None:
        super().__init__(f"There is no {noun} {ref} here.")
        self.noun = noun
        self.ref = ref


class WrongState(StorageError):
    """A state cannot follow another."""

    def __init__(self, noun: str, old: str, new: str) -> None:
        super().__init__(f"A {noun} that is {old} cannot become {new}.")
        self.noun = noun
        self.old = old
        self.new = new


class Stale(StorageError):
    """An event of an older attempt of a job, or of a job that has ended: drop it."""


class NameTaken(StorageError):
    """A trigger word or a LoRA's name is in use in this guild."""


class BallotClosed(StorageError):
    """No votes after close."""


class NotOnBallot(StorageError):
    """The epoch is not one of the ballot's options."""


class DatabaseRefused(StorageError):
    """The database cannot be opened. The message is a sentence for the server's owner."""


class NewerDatabase(DatabaseRefused):
    """The database was made by a newer version."""


class DatabaseInUse(DatabaseRefused):
    """Another process has the database open."""


class BadMigrations(DatabaseRefused):
    """Two migrations carry one number, or a number is missing."""


class DiskFull(StorageError):
    """Nothing was written: make room and try again."""


class VaultError(StorageError):
    """Anything wrong with keys or blobs."""


class BadMasterKey(VaultError):
    """The master key is missing, malformed or not the one this vault was made with."""


class KeyForgotten(VaultError):
    """The data key was dropped: what it sealed is gone for good."""


class BlobMissing(VaultError):
    """No such blob under this key."""


class BlobDamaged(VaultError):
    """The bytes on disk are not what was stored."""
