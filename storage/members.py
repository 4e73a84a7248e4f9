"""Members: what is stored about one person across all nouns, counted, and their id taken out of what stays."""

from __future__ import annotations

from storage.database import Database
from storage.people import Held, HeldOfSubject
from storage.records import Scope

LORAS = """
    SELECT loras.id FROM loras JOIN runs ON runs.id = loras.run_id JOIN datasets ON datasets.id = runs.dataset_id
    WHERE loras.guild_id = ?1 AND datasets.subject_id = ?2
"""
COUNTS = {
    "subjects": "SELECT count(*) FROM subjects WHERE guild_id = ?1 AND owner_id = ?2",
    "photos": """
        SELECT count(*) FROM photos JOIN datasets ON datasets.id = photos.dataset_id
        JOIN subjects ON subjects.id = datasets.subject_id WHERE photos.guild_id = ?1 AND subjects.owner_id = ?2
    """,
    "loras": "SELECT count(*) FROM loras WHERE guild_id = ?1 AND owner_id = ?2",
    "pictures": "SELECT count(*) FROM pictures WHERE guild_id = ?1 AND member_id = ?2",
    "shown_in": """
        SELECT count(*) FROM consents JOIN subjects ON subjects.id = consents.subject_id
        WHERE consents.guild_id = ?1 AND consents.member_id = ?2 AND subjects.owner_id <> ?2
    """,
    "votes": "SELECT count(*) FROM votes WHERE guild_id = ?1 AND member_id = ?2",
    "audit_lines": "SELECT count(*) FROM audit WHERE guild_id = ?1 AND who_id = ?2",
    "favourites": "SELECT count(*) FROM favourites WHERE guild_id = ?1 AND member_id = ?2",
    "wishes": "SELECT count(*) FROM wishes WHERE guild_id = ?1 AND member_id = ?2",
}
OF_SUBJECT = {
    "photos": """
        SELECT count(*) FROM photos JOIN datasets ON datasets.id = photos.dataset_id
        WHERE datasets.guild_id = ?1 AND datasets.subject_id = ?2
    """,
    "versions": "SELECT count(*) FROM datasets WHERE guild_id = ?1 AND subject_id = ?2 AND state <> 'discarded'",
    "loras": f"SELECT count(*) FROM ({LORAS})",
    "pictures": f"""
        SELECT count(*) FROM pictures WHERE guild_id = ?1 AND job_id IN (SELECT job_id FROM uses WHERE lora_id IN ({LORAS}))
    """,
}
LEFT_WITHOUT_NAME = (
    "UPDATE audit SET who_id = 0 WHERE guild_id = ?1 AND who_id = ?2",
    "UPDATE reports SET reporter_id = 0 WHERE guild_id = ?1 AND reporter_id = ?2",
    "UPDATE reports SET decided_by = 0 WHERE guild_id = ?1 AND decided_by = ?2",
    "UPDATE guilds SET changed_by = 0 WHERE guild_id = ?1 AND changed_by = ?2",
    "UPDATE channels SET changed_by = 0 WHERE guild_id = ?1 AND changed_by = ?2",
    "DELETE FROM favourites WHERE guild_id = ?1 AND member_id = ?2",
    "DELETE FROM wishes WHERE guild_id = ?1 AND member_id = ?2",
    "UPDATE ballots SET decided_by = 0 WHERE guild_id = ?1 AND decided_by = ?2",
    "UPDATE jobs SET member_id = 0 WHERE guild_id = ?1 AND member_id = ?2",
    "DELETE FROM grants WHERE guild_id = ?1 AND kind = 'member' AND target_id = ?2",
    # A vote that counted stays counted, as nobody's: below zero, one number per ballot.
    """
    UPDATE votes SET member_id = (SELECT min(0, min(other.member_id)) - 1 FROM votes AS other
                                  WHERE other.ballot_id = votes.ballot_id)
    WHERE guild_id = ?1 AND member_id = ?2
    """,
)


class Members:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def held(self, scope: Scope, member_id: int) -> Held:
        counted: dict[str, int] = {}
        for name, sql in COUNTS.items():
            row = await self._db.row(sql, scope.guild_id, member_id)
            counted[name] = 0 if row is None else int(row[0])
        return Held(**counted)

    async def held_of_subject(self, scope: Scope, subject_id: int, heirs: int = 0) -> HeldOfSubject:
        """`heirs`: as many as its `Lineage.descendants`."""
        counted: dict[str, int] = {}
        for name, sql in OF_SUBJECT.items():
            row = await self._db.row(sql, scope.guild_id, subject_id)
            counted[name] = 0 if row is None else int(row[0])
        return HeldOfSubject(**counted, heirs=heirs)

    async def subjects(self, scope: Scope, member_id: int) -> tuple[int, ...]:
        """Ids of the subjects this member brought or is shown in, retired ones too."""
        rows = await self._db.rows(
            """
            SELECT id FROM subjects WHERE guild_id = ?1 AND owner_id = ?2
            UNION SELECT subject_id FROM consents WHERE guild_id = ?1 AND member_id = ?2 ORDER BY 1
            """,
            scope.guild_id,
            member_id,
        )
        return tuple(row[0] for row in rows)

    async def paintings(self, scope: Scope, member_id: int) -> tuple[str, ...]:
        """Job ids of everything this member had painted."""
        rows = await self._db.rows(
            "SELECT id FROM jobs WHERE guild_id = ? AND member_id = ? AND kind = 'paint' ORDER BY rowid",
            scope.guild_id,
            member_id,
        )
        return tuple(row["id"] for row in rows)

    async def take_name_out(self, scope: Scope, member_id: int) -> None:
        """The member's id leaves every row that stays. Their subjects and paintings must be forgotten before."""
        async with self._db.write():
            for sql in LEFT_WITHOUT_NAME:
                await self._db.change(sql, scope.guild_id, member_id)
        await self._db.checkpoint_if_idle()
