"""Jobs: the queue. One live training per dataset, one job per request, and a fence against what is out of date.

Everything the engine reports goes through a method that takes the attempt it was made under, and raises Stale when the
row says otherwise: then nothing of the surrounding transaction happens.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from storage import states
from storage.database import Database, Value
from storage.errors import NoSuchRow, Stale
from storage.records import Job, Scope
from storage.states import CRASHES_ALLOWED, PRIORITY, JobKind, JobState, Stop

LIVE = "state IN ('queued', 'running', 'parked')"

# Short work before long; then whoever was served least recently; then who came first. A member who queues twenty
# paintings so waits behind everybody's first one.
SERVING_ORDER = """
    job.priority,
    coalesce((SELECT max(past.served) FROM jobs AS past
              WHERE past.guild_id = job.guild_id AND past.member_id = job.member_id), 0),
    job.queued_at, job.rowid
"""


@dataclass(frozen=True)
class Enqueued:
    job: Job
    is_new: bool
    """False: this request, or a live training of this dataset, was here already and is returned instead."""


class Jobs:
    def __init__(self, database: Database) -> None:
        self._db = database

    # -- asking

    async def enqueue(
        self,
        scope: Scope,
        job_id: str,
        *,
        kind: JobKind,
        request_id: str,
        member_id: int,
        channel_id: int,
        key_id: str,
        spec: str,
        dataset_id: int | None = None,
        run_id: int | None = None,
        lora_ids: Sequence[int] = (),
        priority: int | None = None,
    ) -> Enqueued:
        """`request_id` is the interaction's id. `key_id`: the dataset's, or for paintings a fresh one from `keys.create`.
        `lora_ids`: every LoRA a painting uses.

        `spec` is JSON and is sealed. `priority`: lower is served first; by kind where None.
        """
        async with self._db.write():
            known = await self.by_request(scope, request_id)
            if known is None and kind is JobKind.TRAIN and dataset_id is not None:
                known = await self.live_training(scope, dataset_id)
            if known is not None:
                return Enqueued(known, is_new=False)
            rows = await self._db.change(
                """
                INSERT INTO jobs (id, guild_id, kind, request_id, member_id, channel_id, dataset_id, run_id, lora_id,
                                  key_id, spec, priority, queued_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
                """,
                job_id,
                scope.guild_id,
                kind,
                request_id,
                member_id,
                channel_id,
                dataset_id,
                run_id,
                lora_ids[0] if lora_ids else None,
                key_id,
                self._db.seal(key_id, spec, "jobs.spec"),
                PRIORITY[kind] if priority is None else priority,
                self._db.clock(),
            )
            for lora_id in dict.fromkeys(lora_ids):
                await self._db.change(
                    "INSERT INTO uses (guild_id, job_id, lora_id) VALUES (?, ?, ?)", scope.guild_id, job_id, lora_id
                )
            return Enqueued(self._job(rows[0]), is_new=True)

    async def retry(self, scope: Scope, job_id: str) -> Job:
        """A person sends a failed or dead job again: its crashes are forgiven, its attempts go on counting."""
        async with self._db.write():
            old = await self.get(scope, job_id)
            states.allow("job", states.JOB, old.state, JobState.QUEUED)
            if old.state not in (JobState.FAILED, JobState.DEAD):
                return old
            return await self._update(
                scope,
                job_id,
                "state = 'queued', crashes = 0, error = '', stop = NULL, progress = NULL, ended_at = NULL, queued_at = ?",
                self._db.clock(),
            )

    async def ask_to_stop(self, scope: Scope, job_id: str, stop: Stop) -> Job:
        """Note the wish. NOW is never weakened to AFTER_EPOCH; a job that has ended is returned as it is."""
        async with self._db.write():
            old = await self.get(scope, job_id)
            if not old.live or old.stop is Stop.NOW:
                return old
            return await self._update(scope, job_id, "stop = ?", stop)

    async def cancel(self, scope: Scope, job_id: str) -> Job:
        """End a live job now. The engine's later words about it are stale."""
        async with self._db.write():
            old = await self.get(scope, job_id)
            states.allow("job", states.JOB, old.state, JobState.CANCELLED)
            if old.state is JobState.CANCELLED:
                return old
            return await self._update(scope, job_id, "state = 'cancelled', ended_at = ?", self._db.clock())

    async def refuse(self, scope: Scope, job_id: str, sentence: str) -> Job:
        """A job still queued that cannot be sent at all."""
        async with self._db.write():
            old = await self.get(scope, job_id)
            states.allow("job", states.JOB, old.state, JobState.FAILED)
            return await self._update(
                scope, job_id, "state = 'failed', error = ?, ended_at = ?", sentence, self._db.clock()
            )

    # -- reading

    async def get(self, scope: Scope, job_id: str) -> Job:
        row = await self._db.row("SELECT * FROM jobs WHERE guild_id = ? AND id = ?", scope.guild_id, job_id)
        if row is None:
            raise NoSuchRow("job", job_id)
        return self._job(row)

    async def by_request(self, scope: Scope, request_id: str) -> Job | None:
        row = await self._db.row("SELECT * FROM jobs WHERE guild_id = ? AND request_id = ?", scope.guild_id, request_id)
        return None if row is None else self._job(row)

    async def live_training(self, scope: Scope, dataset_id: int) -> Job | None:
        row = await self._db.row(
            f"SELECT * FROM jobs WHERE guild_id = ? AND dataset_id = ? AND kind = 'train' AND {LIVE}",
            scope.guild_id,
            dataset_id,
        )
        return None if row is None else self._job(row)

    async def of_dataset(self, scope: Scope, dataset_id: int, kind: JobKind | None = None) -> tuple[Job, ...]:
        """Newest first."""
        rows = await self._db.rows(
            "SELECT * FROM jobs WHERE guild_id = ? AND dataset_id = ? AND (?3 IS NULL OR kind = ?3) ORDER BY rowid DESC",
            scope.guild_id,
            dataset_id,
            kind,
        )
        return tuple(self._job(row) for row in rows)

    async def of_run(self, scope: Scope, run_id: int) -> Job | None:
        """The run's latest job."""
        row = await self._db.row(
            "SELECT * FROM jobs WHERE guild_id = ? AND run_id = ? ORDER BY rowid DESC LIMIT 1", scope.guild_id, run_id
        )
        return None if row is None else self._job(row)

    async def live(self, scope: Scope, *, member_id: int | None = None) -> tuple[Job, ...]:
        """Queued, running and parked jobs in serving order; of one member where given."""
        return await self._live("guild_id = ?1 AND (?2 IS NULL OR member_id = ?2)", scope.guild_id, member_id)

    # -- the dispatcher, which serves all guilds

    async def asked_since(self, scope: Scope, member_id: int, kind: JobKind, since: int) -> int:
        """How many a member queued since then, however they ended."""
        row = await self._db.row(
            "SELECT count(*) FROM jobs WHERE guild_id = ? AND member_id = ? AND kind = ? AND queued_at >= ?",
            scope.guild_id,
            member_id,
            kind,
            since,
        )
        return 0 if row is None else int(row[0])

    async def painted_with(self, scope: Scope, job_id: str) -> tuple[int, ...]:
        """Ids of the LoRAs a painting uses, those deleted meanwhile left out."""
        rows = await self._db.rows(
            "SELECT lora_id FROM uses WHERE guild_id = ? AND job_id = ? ORDER BY lora_id", scope.guild_id, job_id
        )
        return tuple(row["lora_id"] for row in rows)

    async def delete(self, scope: Scope, job_id: str) -> None:
        """The row, with its pictures' rows. Forget its key next."""
        async with self._db.write():
            await self.get(scope, job_id)
            await self._db.change("DELETE FROM jobs WHERE guild_id = ? AND id = ?", scope.guild_id, job_id)

    async def painted_before(self, scope: Scope, before: int, limit: int = 50) -> tuple[Job, ...]:
        """Paintings that ended before then and still have pictures that are nobody's favourite, oldest first."""
        rows = await self._db.rows(
            """
            SELECT * FROM jobs WHERE guild_id = ? AND kind = 'paint' AND ended_at < ?
                AND EXISTS (SELECT 1 FROM pictures WHERE pictures.job_id = jobs.id
                            AND NOT EXISTS (SELECT 1 FROM favourites WHERE favourites.picture_id = pictures.id))
                ORDER BY ended_at LIMIT ?
            """,
            scope.guild_id,
            before,
            limit,
        )
        return tuple(self._job(row) for row in rows)

    async def live_everywhere(self) -> tuple[Job, ...]:
        """Live jobs of all guilds: running first, then in serving order."""
        return await self._live("TRUE")

    async def claim_everywhere(self, kinds: Collection[JobKind] = tuple(JobKind)) -> Job | None:
        """Take the next queued job of these kinds: running, attempt + 1. None when there is none."""
        marks = ", ".join("?" for _ in kinds)
        async with self._db.write():
            rows = await self._db.change(
                f"""
                UPDATE jobs SET state = 'running', attempt = attempt + 1, started_at = ?, progress = NULL,
                                served = (SELECT coalesce(max(served), 0) + 1 FROM jobs)
                WHERE id = (SELECT id FROM jobs AS job WHERE state = 'queued' AND kind IN ({marks})
                            ORDER BY {SERVING_ORDER} LIMIT 1)
                RETURNING *
                """,
                self._db.clock(),
                *kinds,
            )
        return self._job(rows[0]) if rows else None

    async def recover_everywhere(self) -> tuple[Job, ...]:
        """At start, before anything is claimed: what was running or parked when the process ended waits again.

        Right only while this process alone has the database (Store.open takes care). Returns those jobs.
        """
        async with self._db.write():
            rows = await self._db.change(
                "UPDATE jobs SET state = 'queued' WHERE state IN ('running', 'parked') RETURNING *"
            )
        return tuple(self._job(row) for row in rows)

    # -- the engine's reports, fenced by attempt

    async def fence(self, scope: Scope, job_id: str, attempt: int) -> Job:
        """The running job, or Stale. First in a transaction that stores what an event brought."""
        row = await self._db.row(
            "SELECT * FROM jobs WHERE guild_id = ? AND id = ? AND attempt = ? AND state = 'running'",
            scope.guild_id,
            job_id,
            attempt,
        )
        if row is None:
            raise Stale(f"Job {job_id} is not running attempt {attempt}.")
        return self._job(row)

    async def progress(self, scope: Scope, job_id: str, attempt: int, progress: Mapping[str, object]) -> Job:
        return await self._report(scope, job_id, attempt, "progress = ?", json.dumps(dict(progress)))

    async def interrupted(self, scope: Scope, job_id: str, attempt: int, crashes: int) -> Job:
        """The engine died under the job and took it up again as `attempt`; older attempts are stale from now on."""
        async with self._db.write():
            rows = await self._db.change(
                """
                UPDATE jobs SET attempt = ?1, crashes = max(crashes, ?2)
                WHERE guild_id = ?3 AND id = ?4 AND attempt < ?1 AND state = 'running' RETURNING *
                """,
                attempt,
                crashes,
                scope.guild_id,
                job_id,
            )
        if not rows:
            raise Stale(f"Job {job_id} is past attempt {attempt} or not running.")
        return self._job(rows[0])

    async def crashed(self, scope: Scope, job_id: str, attempt: int, sentence: str) -> Job:
        """The engine is gone and did not take the job up again: back to the queue, or dead with `sentence` at three."""
        return await self._report(
            scope,
            job_id,
            attempt,
            f"""crashes = crashes + 1,
                state = CASE WHEN crashes + 1 >= {CRASHES_ALLOWED} THEN 'dead' ELSE 'queued' END,
                error = CASE WHEN crashes + 1 >= {CRASHES_ALLOWED} THEN ? ELSE '' END,
                ended_at = CASE WHEN crashes + 1 >= {CRASHES_ALLOWED} THEN ? END""",
            sentence,
            self._db.clock(),
        )

    async def park(self, scope: Scope, job_id: str, attempt: int) -> Job:
        return await self._report(scope, job_id, attempt, "state = 'parked'")

    async def finish(self, scope: Scope, job_id: str, attempt: int) -> Job:
        return await self._report(scope, job_id, attempt, "state = 'done', ended_at = ?", self._db.clock())

    async def fail(self, scope: Scope, job_id: str, attempt: int, sentence: str) -> Job:
        return await self._report(
            scope, job_id, attempt, "state = 'failed', error = ?, ended_at = ?", sentence, self._db.clock()
        )

    async def bury(self, scope: Scope, job_id: str, attempt: int, sentence: str) -> Job:
        """It killed the engine too often: dead, until a person retries it."""
        return await self._report(
            scope, job_id, attempt, "state = 'dead', error = ?, ended_at = ?", sentence, self._db.clock()
        )

    async def cancelled(self, scope: Scope, job_id: str, attempt: int) -> Job:
        """The engine says that it has dropped the job."""
        return await self._report(scope, job_id, attempt, "state = 'cancelled', ended_at = ?", self._db.clock())

    # -- inside

    async def _live(self, where: str, *values: Value) -> tuple[Job, ...]:
        rows = await self._db.rows(
            f"SELECT * FROM jobs AS job WHERE {LIVE} AND {where} ORDER BY state <> 'running', {SERVING_ORDER}", *values
        )
        return tuple(self._job(row) for row in rows)

    async def _report(self, scope: Scope, job_id: str, attempt: int, assign: str, *values: Value) -> Job:
        async with self._db.write():
            rows = await self._db.change(
                f"""
                UPDATE jobs SET {assign} WHERE guild_id = ? AND id = ? AND attempt = ? AND state = 'running' RETURNING *
                """,
                *values,
                scope.guild_id,
                job_id,
                attempt,
            )
            if not rows:
                raise Stale(f"Job {job_id} is not running attempt {attempt}.")
            return self._job(rows[0])

    async def _update(self, scope: Scope, job_id: str, assign: str, *values: Value) -> Job:
        rows = await self._db.change(
            f"UPDATE jobs SET {assign} WHERE guild_id = ? AND id = ? RETURNING *", *values, scope.guild_id, job_id
        )
        return self._job(rows[0])

    def _job(self, row: sqlite3.Row) -> Job:
        return Job(
            id=row["id"],
            guild_id=row["guild_id"],
            kind=JobKind(row["kind"]),
            state=JobState(row["state"]),
            request_id=row["request_id"],
            member_id=row["member_id"],
            channel_id=row["channel_id"],
            dataset_id=row["dataset_id"],
            run_id=row["run_id"],
            lora_id=row["lora_id"],
            key_id=row["key_id"],
            spec=self._db.unseal(row["key_id"], row["spec"], "jobs.spec"),
            priority=row["priority"],
            attempt=row["attempt"],
            crashes=row["crashes"],
            stop=None if row["stop"] is None else Stop(row["stop"]),
            progress=None if row["progress"] is None else json.loads(row["progress"]),
            error=row["error"],
            queued_at=row["queued_at"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
        )
