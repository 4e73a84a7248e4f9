"""Photos: one row per upload, with what the engine saw in it and what people made of that."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from storage import states
from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Box, Face, NewPhoto, Photo, Scope
from storage.states import Origin, PhotoState

SELECT = "SELECT photos.*, datasets.key_id FROM photos JOIN datasets ON datasets.id = photos.dataset_id"


class Photos:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(
        self, scope: Scope, dataset_id: int, given: Sequence[NewPhoto], *, request_id: str
    ) -> tuple[Photo, ...]:
        """Number and store the uploads of one interaction. The same `request_id` again returns the same photos."""
        async with self._db.write():
            known = await self._select(scope, "dataset_id = ? AND request_id = ?", dataset_id, request_id)
            if known:
                return tuple(known)
            key_id = await self._key_of(scope, dataset_id)
            for photo in given:
                await self._db.change(
                    """
                    INSERT INTO photos (guild_id, dataset_id, number, request_id, given_name, raw_sha256, caption)
                    VALUES (?1, ?2, (SELECT coalesce(max(number), 0) + 1 FROM photos WHERE dataset_id = ?2), ?3, ?4, ?5, ?6)
                    """,
                    scope.guild_id,
                    dataset_id,
                    request_id,
                    self._db.seal(key_id, photo.given_name, "photos.given_name"),
                    photo.raw_sha256,
                    self._db.seal(key_id, photo.caption, "photos.caption") if photo.caption else None,
                )
            return tuple(await self._select(scope, "dataset_id = ? AND request_id = ?", dataset_id, request_id))

    async def get(self, scope: Scope, photo_id: int) -> Photo:
        found = await self._select(scope, "photos.id = ?", photo_id)
        if not found:
            raise NoSuchRow("photo", photo_id)
        return found[0]

    async def numbered(self, scope: Scope, dataset_id: int, number: int) -> Photo:
        found = await self._select(scope, "dataset_id = ? AND number = ?", dataset_id, number)
        if not found:
            raise NoSuchRow("photo", number)
        return found[0]

    async def list(self, scope: Scope, dataset_id: int, *only: PhotoState) -> tuple[Photo, ...]:
        """By number; in the given states only, where any are given."""
        found = await self._select(scope, "dataset_id = ?", dataset_id)
        return tuple(photo for photo in found if not only or photo.state in only)

    async def keep(
        self,
        scope: Scope,
        photo_id: int,
        *,
        clean_sha256: str,
        width: int,
        height: int,
        faces: Sequence[Face] = (),
        crop: Box | None = None,
        flags: Sequence[str] = (),
        sharpness: float = 0.0,
        caption: str = "",
    ) -> Photo:
        """The engine's reading of a given photo. A second reading changes nothing: a person may have edited since.

        A caption that came with the photo stays in place of `caption`.
        """
        async with self._db.write():
            old = await self.get(scope, photo_id)
            if old.state in (PhotoState.KEPT, PhotoState.DROPPED):
                return old
            states.allow("photo", states.PHOTO, old.state, PhotoState.KEPT)
            key_id = await self._key_of(scope, old.dataset_id)
            await self._db.change(
                """
                UPDATE photos SET state = 'kept', clean_sha256 = ?, width = ?, height = ?, faces = ?, crop = ?, flags = ?,
                                  sharpness = ?, caption = ?
                WHERE guild_id = ? AND id = ?
                """,
                clean_sha256,
                width,
                height,
                json.dumps([asdict(face) for face in faces]),
                _box_json(crop),
                json.dumps(list(flags)),
                sharpness,
                self._db.seal(key_id, old.caption or caption, "photos.caption"),
                scope.guild_id,
                photo_id,
            )
            return await self.get(scope, photo_id)

    async def refuse(
        self,
        scope: Scope,
        photo_id: int,
        reason: str,
        *,
        cause: str = "",
        facts: Mapping[str, int | str] | None = None,
        glimpse_sha256: str | None = None,
        duplicate_of: int | None = None,
        width: int = 0,
        height: int = 0,
    ) -> Photo:
        """`reason` is a sentence part without the file's name, `cause` the same as a code with its numbers in `facts`.

        Refusing again changes nothing.
        """
        async with self._db.write():
            old = await self.get(scope, photo_id)
            if old.state is PhotoState.REFUSED:
                return old
            states.allow("photo", states.PHOTO, old.state, PhotoState.REFUSED)
            if duplicate_of is not None:
                await self.get(scope, duplicate_of)
            await self._db.change(
                """
                UPDATE photos SET state = 'refused', reason = ?, cause = ?, numbers = ?, glimpse_sha256 = ?, duplicate_of = ?,
                                  width = ?, height = ?
                WHERE guild_id = ? AND id = ?
                """,
                reason,
                cause,
                json.dumps(dict(facts or {})),
                glimpse_sha256,
                duplicate_of,
                width,
                height,
                scope.guild_id,
                photo_id,
            )
            return await self.get(scope, photo_id)

    async def take_first_frame(self, scope: Scope, photo_id: int) -> Photo:
        """A refused photo is to be read again, by its first frame."""
        async with self._db.write():
            await self._move(scope, photo_id, PhotoState.GIVEN)
            await self._db.change(
                "UPDATE photos SET first_frame = 1, reason = '', cause = '', numbers = '{}' WHERE guild_id = ? AND id = ?",
                scope.guild_id,
                photo_id,
            )
            return await self.get(scope, photo_id)

    async def want_copy(self, scope: Scope, photo_id: int) -> Photo:
        """A photo that was refused as a copy is to be read again and taken; `duplicate_of` goes on saying of which."""
        async with self._db.write():
            await self._move(scope, photo_id, PhotoState.GIVEN)
            await self._db.change(
                "UPDATE photos SET reason = '', cause = '', numbers = '{}' WHERE guild_id = ? AND id = ?",
                scope.guild_id,
                photo_id,
            )
            return await self.get(scope, photo_id)

    async def set_crop(self, scope: Scope, photo_id: int, crop: Box, *, flags: Sequence[str] | None = None) -> Photo:
        """A person's crop; `flags` replaces the flags where given (a person has looked: pass ())."""
        async with self._db.write():
            old = await self.get(scope, photo_id)
            await self._db.change(
                "UPDATE photos SET crop = ?, flags = ? WHERE guild_id = ? AND id = ?",
                _box_json(crop),
                json.dumps(list(old.flags if flags is None else flags)),
                scope.guild_id,
                photo_id,
            )
            return await self.get(scope, photo_id)

    async def drop(self, scope: Scope, photo_id: int) -> Photo:
        return await self._move(scope, photo_id, PhotoState.DROPPED)

    async def take_back(self, scope: Scope, photo_id: int) -> Photo:
        """Undo `drop`."""
        return await self._move(scope, photo_id, PhotoState.KEPT)

    async def set_captions(self, scope: Scope, dataset_id: int, captions: Mapping[int, str]) -> None:
        """By photo number; all or none. Raises NoSuchRow for a number that is not in the dataset."""
        async with self._db.write():
            key_id = await self._key_of(scope, dataset_id)
            for number, caption in captions.items():
                rows = await self._db.change(
                    "UPDATE photos SET caption = ? WHERE guild_id = ? AND dataset_id = ? AND number = ? RETURNING id",
                    self._db.seal(key_id, caption, "photos.caption"),
                    scope.guild_id,
                    dataset_id,
                    number,
                )
                if not rows:
                    raise NoSuchRow("photo", number)

    async def delete(self, scope: Scope, dataset_id: int) -> tuple[str, ...]:
        """The rows of all photos of a dataset; returns the blobs they named. Drop those next."""
        async with self._db.write():
            rows = await self._db.change(
                "DELETE FROM photos WHERE guild_id = ? AND dataset_id = ? RETURNING raw_sha256, clean_sha256, glimpse_sha256",
                scope.guild_id,
                dataset_id,
            )
        return tuple(dict.fromkeys(sha for row in rows for sha in row if sha is not None))

    async def _move(self, scope: Scope, photo_id: int, to: PhotoState) -> Photo:
        async with self._db.write():
            old = await self.get(scope, photo_id)
            states.allow("photo", states.PHOTO, old.state, to)
            await self._db.change(
                "UPDATE photos SET state = ? WHERE guild_id = ? AND id = ?", to, scope.guild_id, photo_id
            )
            return await self.get(scope, photo_id)

    async def _key_of(self, scope: Scope, dataset_id: int) -> str:
        row = await self._db.row(
            "SELECT key_id FROM datasets WHERE guild_id = ? AND id = ?", scope.guild_id, dataset_id
        )
        if row is None:
            raise NoSuchRow("dataset", dataset_id)
        return row["key_id"]

    async def _select(self, scope: Scope, where: str, *values: int | str) -> list[Photo]:
        rows = await self._db.rows(
            f"{SELECT} WHERE photos.guild_id = ? AND {where} ORDER BY number", scope.guild_id, *values
        )
        return [self._photo(row) for row in rows]

    def _photo(self, row: sqlite3.Row) -> Photo:
        key_id: str = row["key_id"]
        return Photo(
            id=row["id"],
            guild_id=row["guild_id"],
            dataset_id=row["dataset_id"],
            number=row["number"],
            given_name=self._db.unseal(key_id, row["given_name"], "photos.given_name"),
            raw_sha256=row["raw_sha256"],
            clean_sha256=row["clean_sha256"],
            state=PhotoState(row["state"]),
            reason=row["reason"],
            duplicate_of=row["duplicate_of"],
            width=row["width"],
            height=row["height"],
            faces=tuple(
                Face(Box(**face["box"]), face["score"], face["likely_subject"]) for face in json.loads(row["faces"])
            ),
            crop=None if row["crop"] is None else Box(**json.loads(row["crop"])),
            flags=tuple(json.loads(row["flags"])),
            sharpness=row["sharpness"],
            caption="" if row["caption"] is None else self._db.unseal(key_id, row["caption"], "photos.caption"),
            cause=row["cause"],
            facts=json.loads(row["numbers"]),
            glimpse_sha256=row["glimpse_sha256"],
            first_frame=bool(row["first_frame"]),
            origin=Origin(row["origin"]),
        )


def _box_json(box: Box | None) -> str | None:
    return None if box is None else json.dumps(asdict(box))
