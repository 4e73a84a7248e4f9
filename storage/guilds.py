"""Guilds: the rules each server's admins made for it."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any, cast

from storage.database import Database
from storage.people import Rules
from storage.records import Scope


class Guilds:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def rules(self, scope: Scope) -> Rules:
        """Those in force; a server that never decided anything has the empty ones."""
        row = await self._db.row("SELECT rules FROM guilds WHERE guild_id = ?", scope.guild_id)
        return Rules() if row is None else _rules(row["rules"])

    async def decide(self, scope: Scope, rules: Rules, *, by: int) -> None:
        async with self._db.write():
            await self._db.change(
                """
                INSERT INTO guilds (guild_id, rules, changed_at, changed_by) VALUES (?, ?, ?, ?)
                ON CONFLICT (guild_id) DO UPDATE SET
                    rules = excluded.rules, changed_at = excluded.changed_at, changed_by = excluded.changed_by
                """,
                scope.guild_id,
                json.dumps(asdict(rules)),
                self._db.clock(),
                by,
            )

    async def all_everywhere(self) -> tuple[tuple[Scope, Rules], ...]:
        """Every guild that made rules or has anything here: whose time has come is looked up by them."""
        rows = await self._db.rows(
            """
            SELECT guild_id, rules FROM (SELECT guild_id FROM guilds UNION SELECT guild_id FROM keys)
            LEFT JOIN guilds USING (guild_id) ORDER BY guild_id
            """
        )
        return tuple((Scope(row["guild_id"]), _rules(row["rules"] or "{}")) for row in rows)


def _rules(text: str) -> Rules:
    """A key that a later version has dropped is passed over."""
    found = cast("dict[str, Any]", json.loads(text))
    known: dict[str, Any] = {field.name: found[field.name] for field in fields(Rules) if field.name in found}
    return Rules(**{name: _tupled(value) for name, value in known.items()})


def _tupled(value: Any) -> Any:
    return tuple(cast("list[int]", value)) if isinstance(value, list) else value
