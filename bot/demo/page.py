"""`conversation.html`: the transcript as one file that reads like a chat, pictures inline."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from bot.demo.transcript import Said, Transcript, walk

Fetch = Callable[[str], bytes | None]
"""Attachment URL -> bytes."""

MARKS = (
    (r"```(?:\w*\n)?(.+?)```", r"<pre>\1</pre>"),
    (r"`([^`\n]+)`", r"<code>\1</code>"),
    (r"\*\*(.+?)\*\*", r"<b>\1</b>"),
    (r"(?<![\w*])[*_](?!\s)([^*_\n]+?)[*_](?![\w*])", r"<i>\1</i>"),
    (r"(?m)^### (.+)$", r"<h4>\1</h4>"),
    (r"(?m)^## (.+)$", r"<h3>\1</h3>"),
    (r"(?m)^# (.+)$", r"<h2>\1</h2>"),
    (r"(?m)^-# (.+)$", r"<small>\1</small>"),
    (r"(?m)^&gt; (.+)$", r"<blockquote>\1</blockquote>"),
    (r"(</h\d>|</blockquote>|</pre>)\n", r"\1"),
    (r"\n", "<br>"),
)
"""Discord's markdown as far as bots write it, over text that is already escaped."""


def conversation_page(transcript: Transcript, fetch: Fetch, title: str) -> str:
    """The whole page. Everything that members or the bot wrote is escaped; pictures become data URIs."""
    world = transcript.world
    names = {str(number): user.name for number, user in world.users.items()}
    names |= {str(number): channel.name or "" for number, channel in world.channels.items()}
    page = Environment(loader=PackageLoader("bot.demo", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True)

    def in_names(text: str) -> Markup:
        return markdown(text, names)

    def fetched(url: str) -> dict[str, Any] | None:
        return inline(url, fetch(url))

    filters: dict[str, Callable[..., Any]] = {
        "markdown": in_names,
        "inline": fetched,
        "colour": colour,
        "stamp": stamp,
        "tint": tint,
        "loose_files": loose_files,
        "says_something": says_something,
    }
    page.filters.update(filters)
    return page.get_template("chat.html.j2").render(title=title, lines=transcript.lines)


def markdown(text: str, names: dict[str, str]) -> Markup:
    out = str(escape(text))
    out = re.sub(r"&lt;t:(\d+)(?::\w)?&gt;", _time, out)
    out = re.sub(r"&lt;[@#][!&]?(\d+)&gt;", lambda m: _mention(names.get(m[1], "someone")), out)
    out = re.sub(r"\\(&[lg]t;|[\\*_`~|#])", lambda m: f"&#{ord(unescape(m[1]))};", out)
    for pattern, markup in MARKS:
        out = re.sub(pattern, markup, out, flags=re.DOTALL if pattern.startswith("```") else 0)
    return Markup(out)  # escaped at the top, before the marks were set


def _mention(name: str) -> str:
    return f'<span class="mention">@{escape(name)}</span>'


def _time(match: re.Match[str]) -> str:
    moment = datetime.fromtimestamp(int(match[1]), UTC)
    return f'<time title="{moment:%Y-%m-%d %H:%M:%S} UTC">{moment:%H:%M:%S}</time>'


def inline(url: str, data: bytes | None) -> dict[str, Any] | None:
    """What the template needs to show a file inside the page; None when there is no such file."""
    if data is None:
        return None
    media = _media_type(data)
    return {
        "media": media,
        "uri": f"data:{media};base64,{base64.b64encode(data).decode()}" if media else "",
        "name": url.rsplit("/", 1)[-1],
        "kilobytes": round(len(data) / 1024),
    }


def colour(value: int | None) -> str:
    return f"#{value:06x}" if value is not None else "#4e5058"


def stamp(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def tint(name: str) -> int:
    """The same colour for the same name, out of six."""
    return sum(name.encode()) % 6


def says_something(said: Said) -> bool:
    return bool(said.content or said.embeds or said.components or said.attachments)


def loose_files(said: Said) -> list[dict[str, Any]]:
    """Attachments that no component of the message shows."""
    shown: set[str] = set()
    for part in walk(said.components):
        items: list[dict[str, Any]] = part.get("items") or []
        holders: list[dict[str, Any] | None] = [part.get("media"), part.get("file"), *(i.get("media") for i in items)]
        shown |= {holder["url"] for holder in holders if holder}
    return [attachment for attachment in said.attachments if attachment["url"] not in shown]


def _media_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None
