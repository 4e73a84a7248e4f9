"""What an evening has left behind, without what is another's in every telling: ids and times."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from contextlib import closing
from typing import Any

from tests.evening.evenings import pressable
from tests.journeys.town import Town, words

QUERIES = {
    "subjects": "SELECT name, kind, trigger, access, state FROM subjects ORDER BY id",
    "datasets": "SELECT generation, state, preset FROM datasets ORDER BY id",
    "photos": "SELECT dataset_id, number, state, raw_sha256, crop FROM photos ORDER BY dataset_id, number",
    "LoRAs": "SELECT name, loras.trigger, epoch, sha256, access FROM loras ORDER BY id",
    "jobs": "SELECT kind, state, member_id FROM jobs ORDER BY rowid",
    "pictures": "SELECT job_id, number, seed, sha256 FROM pictures ORDER BY job_id, number",
    "votes": "SELECT ballot_id, member_id, epoch FROM votes ORDER BY ballot_id, member_id, epoch",
    "audit": "SELECT act, who_id, subject_id, lora_id FROM audit ORDER BY id",
    "unsent": "SELECT purpose, ref FROM outbox WHERE state = 'pending'",
    "erasures": "SELECT channel_id FROM erasures",
}


def ending(town: Town) -> dict[str, Any]:
    """Read after the town is closed for rows, before it for what stands in the channels."""
    return {
        "channels": [
            [place.name.rpartition("-")[0] or place.name, *(_shown(town, m) for m in place.history())]
            for place in (town.channel, *town.channel.threads)
        ]
    }


def rows(town: Town) -> dict[str, Any]:
    ids: dict[int, int] = {}

    def plain_id(value: Any) -> Any:
        """Discord's ids in the order they are met."""
        return ids.setdefault(value, len(ids)) if isinstance(value, int) and value > 10**12 else value

    with closing(sqlite3.connect(town.folder / "likeness.db")) as database:
        return {
            what: [tuple(plain_id(value) for value in row) for row in database.execute(sql).fetchall()]
            for what, sql in QUERIES.items()
        }


def _shown(town: Town, message: Any) -> tuple[Any, ...]:
    files = [
        hashlib.sha256(town.env.backend.cdn.get(attachment.url) or b"").hexdigest()
        for attachment in message.attachments
    ]
    reactions = sorted((str(reaction.emoji), reaction.count) for reaction in message.reactions)
    return plain(words(message)), [plain(part["custom_id"]) for part in pressable(message)], files, reactions


def plain(text: str) -> str:
    text = re.sub(r"<t:\d+(:\w)?>", "<t>", text)
    text = re.sub(r"\b\d{10,}\b", "-", text)
    return re.sub(r"<[@#]&?[\d-]+>", "<id>", text)
