"""/export: the file of a LoRA and a page of facts, whole, by a link, or in parts that can be put together again.

fits into one message ──► the file
too large, and the owner of the machine names a folder and its address ──► a link that works for some hours
too large otherwise ──► parts of the size that fits, at most ten
more than ten ──► said, with how to get it all the same
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import UserError
from bot.language import many, say
from bot.studio import terms
from bot.studio.acts import Act
from bot.studio.desk import Desk
from storage.records import Lora, Scope

log = logging.getLogger(__name__)

MOST_PARTS = 10
TOKEN_BYTES = 24
OURS = re.compile(r"([A-Za-z0-9_-]{32})-[a-z0-9_-]+\.safetensors(?:\.tmp)?")
LOOK_EVERY_S = 10


@dataclass(frozen=True)
class Exported:
    """Files in the order they are to be sent; more than one with `.part` names when the LoRA had to be split."""

    files: tuple[tuple[str, bytes], ...] = field(repr=False)
    split: bool
    link: str = field(default="", repr=False)
    """Where the file lies; "" when it is among `files`."""
    hours: int = 0
    """How long the link works."""
    terms: str = ""
    """Of its base, where they bind or want credit: one line."""


class Exports:
    def __init__(self, desk: Desk, new_token: Callable[[], str] = lambda: secrets.token_urlsafe(TOKEN_BYTES)) -> None:
        """`new_token` guards what lies behind a link, so it is never made from the studio's `random`."""
        self.desk = desk
        self._new_token = new_token
        self._looked_at = 0

    async def take(self, lora: Lora, member_id: int, limit_bytes: int) -> Exported:
        """Each file has at most `limit_bytes`. Whoever asks has looked whether this member may have it."""
        scope, store, counter = Scope(lora.guild_id), self.desk.store, self.desk.settings.counter
        data = await store.blobs.get(scope, lora.key_id, lora.sha256)
        name = f"{lora.name}.safetensors"
        parts = [data[start : start + limit_bytes] for start in range(0, len(data), limit_bytes)]
        told = terms.on_card(self.desk.settings.terms_of(lora.base))
        link = await self._hand_out(scope, lora, data) if len(parts) > 1 else ""
        if link and counter is not None:
            page = (f"{lora.name}.md", (await self._facts(scope, lora, 1)).encode())
            exported = Exported((page,), split=False, link=link, hours=counter.hours, terms=told)
        elif len(parts) > MOST_PARTS:
            raise UserError(
                say(
                    "{name} has {size} MB and this server takes {limit} MB in one file, so it would be {parts} "
                    "pieces. Ask the owner of this bot for it: they can set up links for large files ([export] in the "
                    "settings).",
                    name=name,
                    size=len(data) // 2**20,
                    limit=limit_bytes // 2**20,
                    parts=len(parts),
                )
            )
        else:
            names = [name] if len(parts) == 1 else [f"{name}.part{n:02}" for n in range(1, len(parts) + 1)]
            facts = await self._facts(scope, lora, len(parts))
            files = (*zip(names, parts, strict=True), (f"{lora.name}.md", facts.encode()))
            exported = Exported(files, split=len(parts) > 1, terms=told)
        await store.audit.add(scope, Act.EXPORTED, member_id, lora_id=lora.id)
        return exported

    async def tidy(self) -> None:
        """What lies in the folder longer than it should, or of a LoRA that is gone, goes. Every ten seconds at most."""
        counter, now = self.desk.settings.counter, self.desk.clock()
        if counter is None or now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        standing = await self.desk.store.handouts.standing_everywhere()
        await asyncio.to_thread(_remove_others, counter.folder, standing)

    # -- inside

    async def _hand_out(self, scope: Scope, lora: Lora, data: bytes) -> str:
        """Its address; "" where there is no folder, or it cannot be written to. The row first: what lies there without one
        is taken away."""
        counter, token = self.desk.settings.counter, self._new_token()
        if counter is None:
            return ""
        name = f"{token}-{lora.name}.safetensors"
        await self.desk.store.handouts.add(scope, lora.id, token, self.desk.clock() + counter.hours * 3600)
        try:
            await asyncio.to_thread(_put, counter.folder, name, data)
        except OSError as error:
            log.error("lora=%d: the folder for large files cannot be written to: %s", lora.id, type(error).__name__)
            return ""
        return f"{counter.url.rstrip('/')}/{name}"

    async def _facts(self, scope: Scope, lora: Lora, parts: int) -> str:
        """A page to go with the file: how to use it and what it was made of. No names of people, no captions."""
        run = await self.desk.store.runs.get(scope, lora.run_id)
        shown = {
            key: run.recipe.get(key) for key in ("preset", "rank", "alpha", "resolution", "exposures", "epochs", "seed")
        }
        facts = {
            say("trigger word"): lora.trigger,
            say("class word"): run.class_word,
            say("base"): lora.base,
            say("epoch"): lora.epoch,
        }
        lines = [f"- {name}: {value}" for name, value in (facts | shown).items() if value is not None]
        lines += terms.facts(self.desk.settings.terms_of(lora.base))
        use = [
            "",
            say(
                "It shows a person or thing whose owner trusted this server with it. Use it as they allowed you to, and "
                "delete it when they ask."
            ),
        ]
        joined = _joining(f"{lora.name}.safetensors", parts) if parts > 1 else []
        return "\n".join([f"# {lora.name}", "", *lines, f"- sha256: {lora.sha256}", *joined, *use, ""])


def _joining(name: str, parts: int) -> list[str]:
    """Three ways, for whoever gets the parts."""
    named = "+".join(f"{name}.part{n:02}" for n in range(1, parts + 1))
    return [
        "",
        many(
            "The file came in {count} part. Put it into a folder, then join it there in one of these ways:",
            "The file came in {count} parts. Put all of them into one folder, then join them there in one of these ways:",
            parts,
        ),
        "",
        say("- with likeness, which also checks the result: {command}", command=f"`likeness lora join {name}.part01`"),
        f"- Linux, macOS: `cat {name}.part?? > {name}`",
        f"- Windows: `copy /b {named} {name}`",
    ]


def _put(folder: Path, name: str, data: bytes) -> None:
    """Whole or not at all; for the web server's user to read, so not sealed and not closed to others."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{name}.tmp"
    temporary.write_bytes(data)
    temporary.replace(folder / name)


def _remove_others(folder: Path, standing: frozenset[str]) -> None:
    """Files of ours alone: the folder may hold anything else."""
    for path in folder.iterdir() if folder.is_dir() else ():
        found = OURS.fullmatch(path.name)
        if found is not None and found[1] not in standing:
            path.unlink(missing_ok=True)
