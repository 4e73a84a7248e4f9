"""The bot's token: from the environment or a file of its own, never from config.toml, and never printed.

(The master key, the other secret, is the storage room's business: `storage.vault`.)
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from pydantic import SecretStr

from bot.config import ConfigError, Settings

VARIABLE = "LIKENESS_TOKEN"
SHAPE = re.compile(r"^([\w-]{18,40})\.([\w-]{5,10})\.([\w-]{27,80})$")


def read_token(settings: Settings, env: Mapping[str, str]) -> SecretStr:
    """The token, its shape checked: whether Discord knows it, only Discord can say. ConfigError says what is wrong."""
    text, place = env.get(VARIABLE, "").strip(), VARIABLE
    file = settings.discord.token_file
    if not text and file is not None and file.exists():
        place = "discord.token_file"
        try:
            text = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ConfigError([f"{place}: {file} cannot be read ({why}). Fix: let this user read it."]) from None
    if not text:
        raise ConfigError(
            [
                "discord.token_file: no bot token was given. Fix: copy it from the Bot page of your application at "
                f"https://discord.com/developers/applications into the environment variable {VARIABLE}, or into a file "
                "named by discord.token_file."
            ]
        )
    if problem := token_problem(text):
        raise ConfigError([f"{place}: {problem}"])
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
    if not SHAPE.match(text) or application_id(text) is None:
        return f"this does not look like a bot token (three parts with two dots, about 70 characters). {fix}"
    return None


def application_id(token: str) -> int | None:
    """The bot's user id, which is the first part of its token in base64; None when that part is something else."""
    part = token.split(".")[0]
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return int(text) if text.isdigit() and 15 <= len(text) <= 20 else None
