"""Whether a request is Discord, in Discord's own words: its OpenAPI, read strictly, and the rules it leaves out.

The file (discord/discord-api-spec, MIT) lies beside the repository or is named by LIKENESS_DISCORD_OPENAPI; where it is
absent only our own rules judge, and the tests of the schema say that they were skipped.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tests.judge.lengths import length_problems

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = Path(os.environ.get("LIKENESS_DISCORD_OPENAPI", ROOT.parent / "shared" / "discord-openapi.json"))

FILE_LIMIT = 10 * 1024 * 1024
BODY_LIMIT = 25 * 1024 * 1024
V2 = 1 << 15


@dataclass(frozen=True)
class Request:
    """One request as it left the bot. `body`: its JSON, or the payload_json of a multipart."""

    method: str
    path: str
    body: Any = None
    files: tuple[tuple[str, str, int], ...] = ()
    """(part name, file name, bytes)"""
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: bool = False
    """Whether the member it opens direct messages with has pressed for that before."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Judge:
    def __init__(self, openapi: dict[str, Any]) -> None:
        self.paths: dict[str, dict[str, Any]] = openapi["paths"]
        self.as_written: dict[str, Any] = openapi["components"]
        self.components = strict(self.as_written)
        self.validators: dict[tuple[str, str], Draft202012Validator] = {}
        # The path with the fewest variables first: "@original" beats "{message_id}".
        self.templates = sorted(self.paths, key=lambda t: (t.count("{"), t))

    def template(self, request: Request) -> str | None:
        for template in self.templates:
            pattern = re.sub(r"\\\{[^/]+\\\}", "[^/]+", re.escape(template))
            if request.method.lower() in self.paths[template] and re.fullmatch(pattern, request.path):
                return template
        return None

    def problems(self, request: Request) -> list[str]:
        """Empty when Discord would take it as far as its schema tells."""
        template = self.template(request)
        if template is None:
            return [f"{request}: no such operation"]
        operation = self.paths[template][request.method.lower()]
        content = operation.get("requestBody", {}).get("content", {})
        if request.body is None:
            required = operation.get("requestBody", {}).get("required", False)
            return [f"{request}: a body is required"] if required and content else []
        if "application/json" not in content:
            return [f"{request}: takes no JSON"]
        if request.files and "multipart/form-data" not in content:
            return [f"{request}: takes no files"]
        key = (template, request.method)
        if key not in self.validators:
            schema = strict(content["application/json"]["schema"])
            self.validators[key] = Draft202012Validator({**schema, "components": self.components})
        body = allowed(request, template)
        return [f"{request}: {deepest(error)}" for error in self.validators[key].iter_errors(body)]

    def answer_problems(self, request: Request, status: int, body: Any) -> list[str]:
        """Empty when it is an answer of Discord's, as far as its schema tells: for the ones that imitate it.

        Not read strictly: an answer may hold more than what is written down.
        """
        template = self.template(request)
        if template is None:
            return [f"{request}: no such operation"]
        answers = self.paths[template][request.method.lower()]["responses"]
        if str(status) not in answers:
            return [f"{request}: answered with {status}"]
        schema = answers[str(status)].get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            return [] if body is None else [f"{request}: answered with a body"]
        key = (template, f"{request.method} {status}")
        if key not in self.validators:
            self.validators[key] = Draft202012Validator({**schema, "components": self.as_written})
        return [f"{request}: answered with {deepest(error)}" for error in self.validators[key].iter_errors(body)]


# Where discord.py differs from the schema and Discord is known to take it: the whole list.
#
# 1. attachments[].id, the number of the file part, is sent as an integer and typed as a snowflake string (the spec's
#    README admits such coercions).
# 2. `nsfw` on a command in the bulk overwrite: left out of the schema, documented for application commands.
# 3. allowed_mentions.users: the same coercion.
# 4. `tts` on edits of messages: sent by discord.py with multipart edits, ignored by Discord.
# 5. recipient_id of direct messages that are opened: the same coercion.
def allowed(request: Request, template: str) -> Any:
    body = copy.deepcopy(request.body)
    for message in _message_bodies(body):
        for attachment in message.get("attachments") or []:
            if isinstance(attachment.get("id"), int):
                attachment["id"] = str(attachment["id"])
        mentions = message.get("allowed_mentions") or {}
        if "users" in mentions:
            mentions["users"] = [str(user) if isinstance(user, int) else user for user in mentions["users"]]
        if request.method == "PATCH":
            message.pop("tts", None)
    if request.method == "PUT" and template.endswith("/commands"):
        for command in body:
            command.pop("nsfw", None)
    if template == "/users/@me/channels" and isinstance(body.get("recipient_id"), int):
        body["recipient_id"] = str(body["recipient_id"])
    return body


@functools.cache
def judge() -> Judge | None:
    """None where the file is absent."""
    if not OPENAPI.is_file():
        return None
    return Judge(json.loads(OPENAPI.read_text()))


def strict(schema: Any) -> Any:
    """The same schema, in which an object has the properties that are written down and no others."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and "type" in made and "additionalProperties" not in made:
        made["additionalProperties"] = False
    return made


def deepest(error: ValidationError) -> str:
    """Of a union's errors the one that got furthest: the others only say which branch it was not."""
    leaves = list(_leaves(error))
    best = max(leaves, key=lambda leaf: (len(leaf.absolute_path), leaf.validator not in ("const", "type")))
    place = "/".join(str(part) for part in best.absolute_path)
    return f"{place}: {best.message[:300]}"


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    if not error.context:
        yield error
    for inner in error.context or ():
        yield from _leaves(inner)


# ---- our own rules: what the schema leaves out, each with the page of Discord's documentation that states it ----------


def own_problems(request: Request) -> list[str]:
    problems: list[str] = []
    for message in _message_bodies(request.body):
        problems += _message_problems(message)
    if _is_modal(request.body):
        problems += _modal_problems(request.body["data"])
    if request.method == "PUT" and request.path.endswith("/commands"):
        problems += _command_problems(request.body)
    problems += _file_problems(request)
    # Developer Policy 5: nobody is written to in private who did not ask for it.
    if request.method == "POST" and request.path == "/users/@me/channels" and not request.asked:
        problems.append("direct messages are opened with somebody who did not ask for it")
    return [f"{request}: {problem}" for problem in problems]


def _message_problems(message: dict[str, Any]) -> list[str]:
    found: list[str] = []
    # resources/message: content up to 2000 characters (the schema says 4000).
    if len(message.get("content") or "") > 2000:
        found.append("content over 2000")
    embeds = message.get("embeds") or []
    # resources/message#embed-limits: 6000 characters over all embeds of a message.
    if sum(_embed_length(embed) for embed in embeds) > 6000:
        found.append("embeds over 6000")
    components = message.get("components") or []
    parts = list(walk(components))
    # components/reference: up to 40 components in all, nested ones counted.
    if len(parts) > 40:
        found.append(f"{len(parts)} components, 40 are allowed")
    # components/reference: custom_id is unique within a message.
    ids = [part["custom_id"] for part in parts if part.get("custom_id")]
    if len(ids) != len(set(ids)):
        found.append("a custom_id comes twice")
    numbers = [part["id"] for part in parts if part.get("id")]
    if len(numbers) != len(set(numbers)):
        found.append("a component id comes twice")
    # components/reference: text of a V2 message up to 4000 characters.
    if sum(len(part.get("content") or "") for part in parts if part.get("type") == 10) > 4000:
        found.append("text over 4000")
    if (message.get("flags") or 0) & V2 and (message.get("content") or embeds or message.get("poll")):
        found.append("a V2 message has no content, embeds or poll")
    has_v2 = any(part.get("type") in (9, 10, 11, 12, 13, 14, 17) for part in parts)
    if has_v2 and "flags" in message and not (message["flags"] or 0) & V2:
        found.append("V2 components without the flag")
    found += length_problems(parts)
    # resources/message: up to 10 attachments.
    if len(message.get("attachments") or []) > 10:
        found.append("more than 10 attachments")
    for part in parts:
        if part.get("type") == 1 and not 1 <= len(part.get("components") or []) <= 5:
            found.append("an empty or overfull row")
        for item in part.get("items") or []:
            if not item.get("description"):
                found.append("a picture without alt text")
    # resources/poll: answers up to 55 characters.
    for answer in (message.get("poll") or {}).get("answers") or []:
        if len((answer.get("poll_media") or {}).get("text") or "") > 55:
            found.append("a poll answer over 55")
    names = {attachment.get("filename") for attachment in message.get("attachments") or []}
    for url in _attachment_urls(parts):
        if url.removeprefix("attachment://") not in names:
            found.append("a picture that is not attached")
    return found


def _modal_problems(data: dict[str, Any]) -> list[str]:
    found: list[str] = []
    parts = data.get("components") or []
    # interactions/receiving-and-responding: 1 to 5 components.
    if not 1 <= len(parts) <= 5:
        found.append("a form has 1 to 5 parts")
    found += length_problems(list(walk(parts)))
    # interactions/receiving-and-responding: title up to 45, custom_id up to 100.
    if not 1 <= len(data.get("title") or "") <= 45 or len(data.get("custom_id") or "") > 100:
        found.append("a title over 45, or a custom_id over 100")
    leaves = [part.get("component") or {} for part in parts]
    ids = [leaf["custom_id"] for leaf in leaves if leaf.get("custom_id")]
    if len(ids) != len(set(ids)):
        found.append("a custom_id comes twice")
    for leaf in leaves:
        # components/reference#file-upload: min_values 0 needs required=false.
        if leaf.get("type") == 19 and leaf.get("min_values") == 0 and leaf.get("required", True):
            found.append("an upload that is required and may be empty")
    return found


def _command_problems(commands: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    for command in commands:
        # interactions/application-commands#naming: lowercase where there is a lowercase.
        if command.get("type", 1) == 1 and command["name"] != command["name"].lower():
            found.append("a command name in capitals")
        if len(json.dumps(command)) > 8000:
            found.append("a command over 8000 characters")
    return found


def _file_problems(request: Request) -> list[str]:
    found: list[str] = []
    if any(size > FILE_LIMIT for _, _, size in request.files):
        found.append("a file over 10 MiB")
    if sum(size for _, _, size in request.files) > BODY_LIMIT:
        found.append("a body over 25 MiB")
    if len(request.files) > 10:
        found.append("more than 10 files")
    if request.files:
        declared: dict[str, str] = {}
        for message in _message_bodies(request.body):
            for attachment in message.get("attachments") or []:
                declared[f"files[{attachment.get('id')}]"] = str(attachment.get("filename"))
        sent = {part: name for part, name, _ in request.files}
        if sent != declared:
            found.append(f"files {sent} are declared as {declared}")
    return found


def _message_bodies(body: Any) -> list[dict[str, Any]]:
    if not isinstance(body, dict):
        return []
    if isinstance(body.get("data"), dict) and isinstance(body.get("type"), int):
        return [] if _is_modal(body) else [body["data"]]
    return [body]


def _is_modal(body: Any) -> bool:
    return isinstance(body, dict) and body.get("type") == 9 and isinstance(body.get("data"), dict)


def _embed_length(embed: dict[str, Any]) -> int:
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    texts.append((embed.get("author") or {}).get("name"))
    for line in embed.get("fields") or []:
        texts += [line.get("name"), line.get("value")]
    return sum(len(text or "") for text in texts)


def walk(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for part in components:
        yield part
        yield from walk(part.get("components") or [])
        if part.get("accessory"):
            yield from walk([part["accessory"]])
        if part.get("component"):
            yield from walk([part["component"]])


def _attachment_urls(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        holders = [part.get("media"), part.get("file")]
        holders += [item.get("media") for item in part.get("items") or []]
        for holder in holders:
            if holder and str(holder.get("url", "")).startswith("attachment://"):
                yield holder["url"]
