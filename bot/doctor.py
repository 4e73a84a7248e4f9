"""What `likeness doctor` looks at: one finding per thing that has to be in place, in plain words.

Nothing is changed, nothing is downloaded, and the token goes nowhere but to Discord (and only when `online`).
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import sqlite3
import stat
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from bot import captioners
from bot.config import ConfigError, Settings, load
from bot.errors import UserError
from bot.models import FACES, find
from bot.token import application_id, read_token
from engine.errors import EngineError

GIB = 1024**3
PERMISSIONS = 377957223488
"""View channel, send messages (also in threads), create public and private threads, embed links, attach files, add
reactions, read message history. Never Administrator."""
WAL_FIXED = (3, 51, 3)
HELLO_S = 120.0
TORCH_PROBE = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({
    "torch": torch.__version__,
    "gpu": torch.cuda.get_device_name(0) if cuda else ("Apple GPU" if torch.backends.mps.is_available() else ""),
    "memory": torch.cuda.get_device_properties(0).total_memory if cuda else 0,
}))
"""


class State(StrEnum):
    GOOD = "good"
    NOTE = "note"
    """Works, but the owner should know."""
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    name: str
    state: State
    sentence: str


Fetch = Callable[[str, str], tuple[int, bytes]]
"""(url, token) -> (HTTP status, body). Raises OSError where Discord cannot be reached."""
Hello = Callable[[Settings], Awaitable[str]]
"""Starts an engine, waits until it said hello, stops it; returns its device. Raises EngineError or TimeoutError."""


async def examine(
    config: Path, env: Mapping[str, str], *, online: bool, fetch: Fetch, hello: Hello, probe: Callable[[], str]
) -> list[Finding]:
    """Everything, in the order an owner would mend it."""
    findings = [python()]
    try:
        settings = load(config)
        findings.append(Finding("settings", State.GOOD, f"{config} is in order."))
    except ConfigError as error:
        settings = Settings()
        findings += [Finding("settings", State.BAD, problem) for problem in error.problems]
    findings += token(settings, env, online=online, fetch=fetch)
    findings.append(
        Finding("intents", State.GOOD, "No privileged intent is asked for: nothing to switch on at Discord.")
    )
    findings += bases(settings)
    findings += [torch(probe), memory(), disk(settings), sqlite(sqlite3.sqlite_version_info), master_key(settings, env)]
    findings += [faces(settings), captions(settings), *export(settings)]
    findings.append(await engine(settings, hello))
    findings.append(
        Finding(
            "uploads", State.GOOD, "Discord takes files of 10 MiB from a bot; pictures are posted smaller than that."
        )
    )
    return findings


def python() -> Finding:
    return Finding(
        "python", State.GOOD, f"Python {platform.python_version()} on {platform.system()} {platform.machine()}."
    )


def token(settings: Settings, env: Mapping[str, str], *, online: bool, fetch: Fetch) -> list[Finding]:
    try:
        secret = read_token(settings, env).get_secret_value()
    except ConfigError as error:
        return [Finding("token", State.BAD, problem) for problem in error.problems]
    file = settings.discord.token_file
    findings = [Finding("token", State.GOOD, f"There is a token; it belongs to bot {application_id(secret)}.")]
    if file is not None and file.exists() and open_to_others(file):
        sentence = f"Other users of this machine can read {file}. Fix: chmod 600 {file}"
        findings.append(Finding("token", State.NOTE, sentence))
    link = (
        f"https://discord.com/oauth2/authorize?client_id={application_id(secret)}"
        f"&scope=bot+applications.commands&permissions={PERMISSIONS}"
    )
    findings.append(Finding("invitation", State.GOOD, f"To invite the bot to a server: {link}"))
    findings.append(login(secret, fetch) if online else Finding("login", State.NOTE, "Not asked: --offline was given."))
    return findings


def login(secret: str, fetch: Fetch) -> Finding:
    try:
        status, body = fetch("https://discord.com/api/v10/users/@me", secret)
    except OSError:
        return Finding("login", State.NOTE, "Discord cannot be reached from here, so the token was not tried.")
    if status == 401:
        sentence = (
            "Discord does not know this token. Fix: reset it on the Bot page of your application and copy it again."
        )
        return Finding("login", State.BAD, sentence)
    if status != 200:
        return Finding("login", State.NOTE, f"Discord answered with status {status}; try again later.")
    return Finding("login", State.GOOD, f"Discord knows the bot as {json.loads(body).get('username', '?')}.")


def bases(settings: Settings) -> list[Finding]:
    """The base in use has to be there; the others are only told of."""
    from bot.bases import records
    from bot.studio.terms import refusal
    from engine.families.bases import find

    findings: list[Finding] = []
    for record in records(settings).values():
        is_used = record.name == settings.engine.base
        try:
            place = find(record.ref)
        except (UserError, EngineError) as error:
            findings.append(Finding("base", State.BAD if is_used else State.NOTE, f"{record.name}: {error}"))
            continue
        if is_used:
            findings.append(Finding("base", State.GOOD, f"The base model {record.name} is here: {place.path}"))
            if record.terms is not None and record.terms.hold_back:
                findings.append(Finding("base", State.BAD, refusal(record.terms)))
        if record.licence is None:
            sentence = f"{record.name}: its record names no licence. Read its model card before others use it."
            findings.append(Finding("base", State.NOTE, sentence))
    return findings


def torch(probe: Callable[[], str]) -> Finding:
    try:
        answer = json.loads(probe())
    except (OSError, ValueError, subprocess.SubprocessError):
        return Finding(
            "torch", State.BAD, f"torch {version('torch')} is installed but does not start. Fix: install it again."
        )
    if not answer["gpu"]:
        sentence = f"torch {answer['torch']}, no GPU: fine for the miniature, far too slow for a large base."
        return Finding("torch", State.NOTE, sentence)
    room = f" with {answer['memory'] / GIB:.0f} GiB" if answer["memory"] else ""
    return Finding("torch", State.GOOD, f"torch {answer['torch']}, {answer['gpu']}{room}.")


def memory() -> Finding:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    except (AttributeError, ValueError, OSError):
        return Finding("memory", State.NOTE, "This system does not tell how much memory it has.")
    state = State.GOOD if total >= 3.5 else State.NOTE
    return Finding(
        "memory", state, f"{total:.0f} GiB of memory; the miniature wants 4, a Stable Diffusion base 8 or more."
    )


def disk(settings: Settings) -> Finding:
    folder = settings.storage.folder
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not os.access(there, os.W_OK):
        return Finding("disk", State.BAD, f"storage.folder: {there} cannot be written to. Fix: give it to this user.")
    free = shutil.disk_usage(there).free / GIB
    if free < 1:
        return Finding("disk", State.BAD, f"{free:.1f} GiB free for {folder}. Fix: make room, at least 10 GiB.")
    state = State.GOOD if free >= 10 else State.NOTE
    return Finding("disk", state, f"{free:.0f} GiB free for {folder}; 10 or more are comfortable.")


def export(settings: Settings) -> list[Finding]:
    """Where large LoRAs are handed out. Nothing of it stops the bot: what cannot be linked is sent in parts."""
    if settings.export is None:
        sentence = "LoRAs too large for a message are sent in parts; with [export] they get a link instead."
        return [Finding("export", State.GOOD, sentence)]
    folder, url = settings.export.folder, settings.export.url
    findings = [_linked(url)]
    if not folder.is_dir():
        why = "is no folder" if folder.exists() else "is not there"
        fix = "make the one that your web server shows."
        return [Finding("export", State.NOTE, f"export.folder: {folder} {why}. Fix: {fix}"), *findings]
    if not os.access(folder, os.W_OK | os.X_OK):
        sentence = f"export.folder: {folder} cannot be written to, so LoRAs go in parts. Fix: give it to this user."
        return [Finding("export", State.NOTE, sentence), *findings]
    free = shutil.disk_usage(folder).free / GIB
    if free < 1:
        sentence = f"export.folder: {free:.1f} GiB free in {folder}. Fix: make room, a LoRA may have 1 GiB."
        return [Finding("export", State.NOTE, sentence), *findings]
    sentence = f"{free:.0f} GiB free in {folder}, where large LoRAs lie for {settings.export.hours} hours."
    return [Finding("export", State.GOOD, sentence), *findings]


def _linked(url: str) -> Finding:
    """Whether members can follow it, as far as the address itself tells: nothing is asked of anybody."""
    fix = "name the address at which others see the folder."
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urllib.parse.urlsplit(""), ""
    if not host:
        sentence = f"export.url: {url} is no address. Fix: {fix}"
    elif parts.query or parts.fragment:
        sentence = f"export.url: {url} ends in ? or #, and a file's name is put behind it. Fix: {fix}"
    elif host in ("localhost", "0.0.0.0", "::1", "::") or host.startswith("127."):
        sentence = f"export.url: {url} leads members to their own machine. Fix: {fix}"
    elif host.split(".")[-2:-1] == ["example"]:
        sentence = f"export.url: {url} is the example's. Fix: {fix}"
    elif parts.scheme == "http":
        sentence = f"export.url: {url} is not encrypted: whoever is on the way reads along. Fix: https, if you can."
    else:
        return Finding("export link", State.GOOD, f"Links to large LoRAs begin with {url}")
    return Finding("export link", State.NOTE, sentence)


def sqlite(found: tuple[int, ...]) -> Finding:
    number = ".".join(str(part) for part in found[:3])
    if found[:3] >= WAL_FIXED:
        return Finding("sqlite", State.GOOD, f"SQLite {number}.")
    sentence = (
        f"SQLite {number}. Versions before 3.51.3 can damage a database that two connections write at the same instant; "
        "Likeness writes through one connection, so leave the database to it and open copies only."
    )
    return Finding("sqlite", State.NOTE, sentence)


def master_key(settings: Settings, env: Mapping[str, str]) -> Finding:
    if env.get("LIKENESS_MASTER_KEY", "").strip():
        return Finding("master key", State.GOOD, "The master key comes from LIKENESS_MASTER_KEY.")
    file = settings.storage.master_key_file
    if file is None or not file.exists():
        sentence = "There is no master key yet: the first start makes one. Keep a copy of it, apart from the backups."
        return Finding("master key", State.NOTE, sentence)
    if open_to_others(file):
        return Finding("master key", State.BAD, f"Other users of this machine can read {file}. Fix: chmod 600 {file}")
    return Finding("master key", State.GOOD, f"The master key is in {file}. Keep a copy of it, apart from the backups.")


def captions(settings: Settings) -> Finding:
    wrong = captioners.problem(settings)
    place = captioners.place(settings)
    said = f"Captions are written by {captioners.wanted(settings)[0]}." if place else "Captions start from a template."
    return Finding("captions", State.BAD if wrong else State.GOOD, wrong or said)


def faces(settings: Settings) -> Finding:
    wanted, file = settings.faces.finder, settings.faces.yunet_file or find(FACES, settings)
    if file is not None and not file.is_file():
        return Finding(
            "faces", State.BAD, f"faces.yunet_file: there is no {file}. Fix: put it there or leave the key out."
        )
    known = settings.faces.sface_file
    if known is not None and not known.is_file():
        return Finding(
            "faces", State.BAD, f"faces.sface_file: there is no {known}. Fix: put it there or leave the key out."
        )
    if known is not None and file is None:
        return Finding(
            "faces",
            State.BAD,
            "faces.sface_file: it needs a face found by yunet first. Fix: name faces.yunet_file too.",
        )
    if wanted == "yunet" and file is None:
        return Finding(
            "faces",
            State.BAD,
            "faces.yunet_file: finder is yunet, and its file is not named. Fix: likeness models fetch faces",
        )
    if wanted == "auto" and file is None:
        return Finding(
            "faces", State.GOOD, "Faces are found by the built-in finder. YuNet finds more: likeness models fetch faces"
        )
    return Finding("faces", State.GOOD, f"Faces are found by {'yunet' if wanted == 'auto' else wanted}.")


async def engine(settings: Settings, hello: Hello) -> Finding:
    try:
        device = await asyncio.wait_for(hello(settings), HELLO_S)
    except EngineError as error:
        return Finding("engine", State.BAD, str(error))
    except TimeoutError:
        return Finding(
            "engine", State.BAD, f"The engine did not say hello within {HELLO_S:.0f} seconds. Fix: see its log."
        )
    return Finding("engine", State.GOOD, f"The engine starts and says hello{f' from {device}' if device else ''}.")


def open_to_others(file: Path) -> bool:
    return os.name == "posix" and bool(stat.S_IMODE(file.stat().st_mode) & 0o077)


# ---- the real outside world, replaced in tests ----------------------------------------------------------------------


def ask_discord(url: str, secret: str) -> tuple[int, bytes]:
    request = urllib.request.Request(
        url, headers={"Authorization": f"Bot {secret}", "User-Agent": "DiscordBot (likeness)"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def probe_torch() -> str:
    """torch is looked at by another process: this one never loads it."""
    done = subprocess.run([sys.executable, "-c", TORCH_PROBE], capture_output=True, text=True, timeout=120, check=False)
    return done.stdout.strip().splitlines()[-1] if done.returncode == 0 and done.stdout.strip() else ""
