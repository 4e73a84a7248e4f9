"""What was measured in the photos of a dataset: sealed with its key, as the engine told it."""

from __future__ import annotations

from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Scope


class Measures:
    """The facts are JSON of the engine's; storage does not read them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, scope: Scope, photo_id: int, facts: str) -> None:
        """Of a photo; a second measuring takes the first one's place."""
        async with self._db.write():
            row = await self._db.row(
                """
                SELECT key_id FROM photos JOIN datasets ON datasets.id = photos.dataset_id
                WHERE photos.guild_id = ? AND photos.id = ?
                """,
                scope.guild_id,
                photo_id,
            )
            if row is None:
                raise NoSuchRow("photo", photo_id)
            await self._db.change(
                "INSERT OR REPLACE INTO measures (photo_id, guild_id, facts) VALUES (?, ?, ?)",
                photo_id,
                scope.guild_id,
                self._db.seal(row["key_id"], facts, "measures.facts"),
            )

    async def of_dataset(self, scope: Scope, dataset_id: int) -> dict[int, str]:
        """By photo id; photos of which nothing was measured, or whose key is gone, are left out."""
        rows = await self._db.rows(
            """
            SELECT measures.photo_id, measures.facts, datasets.key_id FROM measures JOIN photos ON photos.id = measures.photo_id
            JOIN datasets ON datasets.id = photos.dataset_id WHERE measures.guild_id = ? AND photos.dataset_id = ?
            """,
            scope.guild_id,
            dataset_id,
        )
        read = {row["photo_id"]: self._db.unseal(row["key_id"], row["facts"], "measures.facts") for row in rows}
        return {photo_id: facts for photo_id, facts in read.items() if facts}

    async def delete(self, scope: Scope, dataset_id: int) -> None:
        """All of a dataset: nobody is coached about it any more."""
        await self._db.change(
            "DELETE FROM measures WHERE guild_id = ? AND photo_id IN (SELECT id FROM photos WHERE dataset_id = ?)",
            scope.guild_id,
            dataset_id,
        )
