"""The two secrets: Discord's token and the key that all stored photos are sealed under.

Each comes from an environment variable or from a file of its own, never from config.toml, and is held as SecretStr so
that it cannot be printed by accident.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretBytes, SecretStr

from bot.config import ConfigError, Settings

TOKEN_VARIABLE = "LIKENESS_TOKEN"
KEY_VARIABLE = "LIKENESS_MASTER_KEY"
KEY_BYTES = 32
TOKEN_SHAPE = re.compile(r"^([\w-]{18,40})\.([\w-]{5,10})\.([\w-]{27,80})$")


@dataclass(frozen=True)
class Secrets:
    token: SecretStr
    master_key: SecretBytes
    """32 bytes."""


def read_secrets(settings: Settings, env: Mapping[str, str]) -> Secrets:
    """Both secrets, or one ConfigError with what is wrong about either."""
    problems: list[str] = []
    token, key = SecretStr(""), SecretBytes(b"")
    try:
        token = read_token(settings, env)
    except ConfigError as error:
        problems += error.problems
    try:
        key = read_master_key(settings, env)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return Secrets(token, key)


def read_token(settings: Settings, env: Mapping[str, str]) -> SecretStr:
    """The bot's token, its shape checked: whether Discord knows it, only Discord can say."""
    text, where = _read(TOKEN_VARIABLE, settings.discord.token_file, "discord.token_file", env)
    if not text:
        raise ConfigError(
            [
                "discord.token_file: no bot token was given. Fix: copy it from the Bot page of your application at "
                f"https://discord.com/developers/applications into the environment variable {TOKEN_VARIABLE}, or into a "
                "file named by discord.token_file."
            ]
        )
    if problem := token_problem(text):
        raise ConfigError([f"{where}: {problem}"])
    return SecretStr(text)


def token_problem(text: str) -> str | None:
    """What is wrong with the shape of a token, with the fix; None when it looks like one. Never quotes it."""
    fix = "Fix: copy the token from the Bot page of your application again."
    if text.lower().startswith("bot "):
        return 'the token starts with the word "Bot". Fix: leave that word out.'
    if any(character.isspace() for character in text):
        return f"the token has a space or a line break inside. {fix}"
    if text.isdigit():
        return f"this is a number, perhaps the application id, not the bot token. {fix}"
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return f"this is the application's public key, not the bot token. {fix}"
    if "." not in text and len(text) == 32:
        return f"this looks like the client secret, not the bot token. {fix}"
    if not TOKEN_SHAPE.match(text) or application_id(text) is None:
        return f"this does not look like a bot token (three parts with two dots, about 70 characters). {fix}"
    return None


def application_id(token: str) -> int | None:
    """The bot's user id, which is the first part of its token in base64."""
    part = token.split(".")[0]
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return int(text) if text.isdigit() and 15 <= len(text) <= 20 else None


def read_master_key(settings: Settings, env: Mapping[str, str]) -> SecretBytes:
    """The 32 bytes that every dataset's own key is wrapped with: 64 hex digits, or base64."""
    text, where = _read(KEY_VARIABLE, settings.storage.master_key_file, "storage.master_key_file", env)
    if not text:
        raise ConfigError(
            [
                "storage.master_key_file: there is no master key to seal photos with. Fix: run "
                "`likeness doctor --make-key`, which writes one into that file, or give 64 hex digits as the environment "
                f"variable {KEY_VARIABLE}."
            ]
        )
    key = _decoded(text)
    if key is None or len(key) != KEY_BYTES:
        raise ConfigError(
            [f"{where}: the master key must be 32 bytes, as 64 hex digits or base64. Fix: use the original key."]
        )
    return SecretBytes(key)


def make_master_key(path: Path) -> None:
    """Write a new key for the owner's eyes only. Refuses to replace one: what it sealed would be lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(
            [
                f"storage.master_key_file: {path} exists already and is not replaced, or what it sealed could never be "
                "read again. Fix: keep it; name another file for another installation."
            ]
        ) from None
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")


def _decoded(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def _read(variable: str, file: Path | None, key: str, env: Mapping[str, str]) -> tuple[str, str]:
    """The secret, "" where there is none, and what to call the place in a sentence."""
    if value := env.get(variable, "").strip():
        return value, variable
    if file is None:
        return "", key
    try:
        return file.read_text(encoding="utf-8").strip(), key
    except FileNotFoundError:
        return "", key
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError([f"{key}: {file} cannot be read ({why}). Fix: let this user read it."]) from None
