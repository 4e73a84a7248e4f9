"""Runs and their epochs: one training of one dataset, and the LoRAs it saved on the way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage import states
from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Epoch, Run, Scope
from storage.states import RunState


@dataclass(frozen=True)
class Recorded:
    epoch: Epoch
    is_new: bool
    """False: it was recorded before; announce nothing."""


@dataclass(frozen=True)
class WithEpochs:
    """A run that still has some."""

    run_id: int
    subject: str
    generation: int
    epochs: int


class Runs:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def create(
        self, scope: Scope, dataset_id: int, *, recipe: Mapping[str, object], base: str, trigger: str, class_word: str
    ) -> Run:
        async with self._db.write():
            rows = await self._db.change(
                """
                INSERT INTO runs (guild_id, dataset_id, recipe, base, trigger, class_word, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *
                """,
                scope.guild_id,
                dataset_id,
                json.dumps(dict(recipe)),
                base,
                trigger,
                class_word,
                self._db.clock(),
            )
        return _run(rows[0])

    async def get(self, scope: Scope, run_id: int) -> Run:
        row = await self._db.row("SELECT * FROM runs WHERE guild_id = ? AND id = ?", scope.guild_id, run_id)
        if row is None:
            raise NoSuchRow("run", run_id)
        return _run(row)

    async def with_epochs(self, scope: Scope, owner_id: int) -> tuple[WithEpochs, ...]:
        """Those of live subjects that this member brought, newest first."""
        rows = await self._db.rows(
            """
            SELECT runs.id, subjects.name, datasets.generation, count(*) AS epochs FROM runs
            JOIN datasets ON datasets.id = runs.dataset_id JOIN subjects ON subjects.id = datasets.subject_id
            JOIN epochs ON epochs.run_id = runs.id AND epochs.number > 0
            WHERE runs.guild_id = ? AND subjects.owner_id = ? AND subjects.state = 'live'
            GROUP BY runs.id ORDER BY runs.id DESC
            """,
            scope.guild_id,
            owner_id,
        )
        return tuple(WithEpochs(row["id"], row["name"], row["generation"], row["epochs"]) for row in rows)

    async def of_dataset(self, scope: Scope, dataset_id: int) -> tuple[Run, ...]:
        """Newest first."""
        rows = await self._db.rows(
            "SELECT * FROM runs WHERE guild_id = ? AND dataset_id = ? ORDER BY id DESC", scope.guild_id, dataset_id
        )
        return tuple(_run(row) for row in rows)

    async def move(self, scope: Scope, run_id: int, to: RunState, *, reason: str | None = None) -> Run:
        """Raises WrongState when `to` may not follow. `reason` (why it failed or was cancelled) replaces the old one."""
        async with self._db.write():
            old = await self.get(scope, run_id)
            states.allow("run", states.RUN, old.state, to)
            rows = await self._db.change(
                "UPDATE runs SET state = ?, reason = coalesce(?, reason) WHERE guild_id = ? AND id = ? RETURNING *",
                to,
                reason,
                scope.guild_id,
                run_id,
            )
        return _run(rows[0])

    async def published_before(self, scope: Scope, before: int) -> tuple[Run, ...]:
        """Those whose winner was published before then and that still have epochs beside it."""
        rows = await self._db.rows(
            """
            SELECT runs.* FROM runs JOIN loras ON loras.run_id = runs.id
            WHERE runs.guild_id = ? AND runs.state = 'published' AND loras.created_at < ?
                AND EXISTS (SELECT 1 FROM epochs WHERE epochs.run_id = runs.id AND number > 0 AND number <> loras.epoch)
            ORDER BY runs.id
            """,
            scope.guild_id,
            before,
        )
        return tuple(_run(row) for row in rows)

    async def suggest(self, scope: Scope, run_id: int, *, epoch: int | None, reason: str, seconds: float) -> Run:
        """What the engine would take and why, and how long the training took."""
        async with self._db.write():
            rows = await self._db.change(
                "UPDATE runs SET suggested = ?, reason = ?, seconds = ? WHERE guild_id = ? AND id = ? RETURNING *",
                epoch,
                reason,
                seconds,
                scope.guild_id,
                run_id,
            )
        if not rows:
            raise NoSuchRow("run", run_id)
        return _run(rows[0])


class Epochs:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def record(
        self,
        scope: Scope,
        run_id: int,
        number: int,
        *,
        lora_sha256: str | None,
        previews: Sequence[str] = (),
        loss: float | None = None,
        likeness: float | None = None,
        fidelity: float | None = None,
        memorising: float | None = None,
        leakage: float | None = None,
        bleed: float | None = None,
        seconds: float = 0.0,
    ) -> Recorded:
        """Once per (run, number): what is there already stays, since it may have been shown."""
        async with self._db.write():
            rows = await self._db.change(
                """
                INSERT INTO epochs (guild_id, run_id, number, loss, likeness, fidelity, memorising, leakage, bleed,
                                    lora_sha256, previews, seconds, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, number) DO NOTHING RETURNING *
                """,
                scope.guild_id,
                run_id,
                number,
                loss,
                likeness,
                fidelity,
                memorising,
                leakage,
                bleed,
                lora_sha256,
                json.dumps(list(previews)),
                seconds,
                self._db.clock(),
            )
            if rows:
                return Recorded(_epoch(rows[0]), is_new=True)
            return Recorded(await self.numbered(scope, run_id, number), is_new=False)

    async def get(self, scope: Scope, epoch_id: int) -> Epoch:
        row = await self._db.row("SELECT * FROM epochs WHERE guild_id = ? AND id = ?", scope.guild_id, epoch_id)
        if row is None:
            raise NoSuchRow("epoch", epoch_id)
        return _epoch(row)

    async def numbered(self, scope: Scope, run_id: int, number: int) -> Epoch:
        row = await self._db.row(
            "SELECT * FROM epochs WHERE guild_id = ? AND run_id = ? AND number = ?", scope.guild_id, run_id, number
        )
        if row is None:
            raise NoSuchRow("epoch", number)
        return _epoch(row)

    async def list(self, scope: Scope, run_id: int) -> tuple[Epoch, ...]:
        """By number, the base (0) first where it was painted."""
        rows = await self._db.rows(
            "SELECT * FROM epochs WHERE guild_id = ? AND run_id = ? ORDER BY number", scope.guild_id, run_id
        )
        return tuple(_epoch(row) for row in rows)

    async def delete_but(self, scope: Scope, run_id: int, kept: int) -> tuple[str, ...]:
        """The rows of every epoch but `kept` and the base; returns the blobs only they named. Drop those next."""
        async with self._db.write():
            rows = await self._db.change(
                """
                DELETE FROM epochs WHERE guild_id = ? AND run_id = ? AND number > 0 AND number <> ?
                RETURNING lora_sha256, previews
                """,
                scope.guild_id,
                run_id,
                kept,
            )
            stay = {sha for epoch in await self.list(scope, run_id) for sha in (epoch.lora_sha256, *epoch.previews)}
        gone = [sha for row in rows for sha in (row["lora_sha256"], *json.loads(row["previews"]))]
        return tuple(sha for sha in dict.fromkeys(gone) if sha not in stay)


def _run(row: sqlite3.Row) -> Run:
    return Run(
        id=row["id"],
        guild_id=row["guild_id"],
        dataset_id=row["dataset_id"],
        state=RunState(row["state"]),
        recipe=json.loads(row["recipe"]),
        base=row["base"],
        trigger=row["trigger"],
        class_word=row["class_word"],
        suggested=row["suggested"],
        reason=row["reason"],
        seconds=row["seconds"],
        created_at=row["created_at"],
    )


def _epoch(row: sqlite3.Row) -> Epoch:
    return Epoch(
        id=row["id"],
        guild_id=row["guild_id"],
        run_id=row["run_id"],
        number=row["number"],
        loss=row["loss"],
        likeness=row["likeness"],
        fidelity=row["fidelity"],
        memorising=row["memorising"],
        leakage=row["leakage"],
        bleed=row["bleed"],
        lora_sha256=row["lora_sha256"],
        previews=tuple(json.loads(row["previews"])),
        seconds=row["seconds"],
        created_at=row["created_at"],
    )
