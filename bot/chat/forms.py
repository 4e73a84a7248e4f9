"""The forms (modals): how they look, and what came back in one.

A form keeps nothing in memory: its custom id says what it is about, and a submit is read from the interaction itself, so
it is answered even when the bot was restarted while somebody was typing. Each opening has its own custom id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import discord
from discord import ui

from bot.chat import texts
from bot.chat.customid import custom_id
from bot.chat.layout import clip
from bot.chat.texts import Field, Hint, Title
from bot.language import label as shown
from bot.language import say
from bot.studio.screens import CaptionLine

FILES = 10
"""Of one upload field. Two fields: more than 25 files in one submit is unproven."""
CAPTION_LIMIT = 1000


@dataclass(frozen=True)
class Upload:
    name: str = field(repr=False)
    url: str = field(repr=False)
    size: int


@dataclass(frozen=True)
class Filled:
    """What a member sent: values by field, files in the order of their names."""

    values: Mapping[str, str | bool] = field(repr=False)
    uploads: tuple[Upload, ...]
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], repr=False)
    """What was picked in menus of several."""

    def text(self, key: str) -> str:
        value = self.values.get(key, "")
        return value.strip() if isinstance(value, str) else ""

    def ticked(self, key: str) -> bool:
        return self.values.get(key) is True


NOTHING = Filled({}, ())


def train(draft: str, name: str, attached: int, *, attested: bool) -> ui.Modal:
    """Five parts, the most a form may have. `attached`: photos that came with the command; `attested`: whether a member may
    answer for somebody who is not asked here."""
    files = Hint.PHOTOS_GIVEN if attached else Hint.PHOTOS
    return form(
        Title.TRAIN,
        custom_id("train.send", draft, attached),
        ui.Label(
            text=Field.NAME,
            description=Hint.NAME,
            component=text_box("name", default=clip(name, 50) or None, min_length=1, max_length=50),
        ),
        ui.Label(text=Field.PHOTOS, description=files, component=_files("photos", required=not attached)),
        ui.Label(text=Field.MORE_PHOTOS, description=Hint.MORE_PHOTOS, component=_files("more", required=False)),
        ui.Label(
            text=Field.KIND,
            component=ui.RadioGroup(
                custom_id="kind",
                options=[
                    discord.RadioGroupOption(label=label, value=value, description=description, default=value == "me")
                    for value, label, description in texts.kinds()
                    if attested or value != "agreed"
                ],
            ),
        ),
        ui.Label(text=Field.CONSENT, description=Hint.CONSENT, component=ui.Checkbox(custom_id="consent")),
    )


def more_photos(dataset_id: int, opening: str) -> ui.Modal:
    return form(
        Title.ADD,
        custom_id("photos.send", dataset_id, opening),
        ui.Label(text=Field.PHOTOS, component=_files("photos", required=True)),
        ui.Label(text=Field.MORE_PHOTOS, component=_files("more", required=False)),
    )


def captions(dataset_id: int, page: int, lines: Sequence[CaptionLine], opening: str) -> ui.Modal:
    """One to five captions, each in a field of its own named by its photo's number."""
    return form(
        Title.CAPTION if len(lines) == 1 else Title.FIVE,
        custom_id("cap.send", dataset_id, f"{page}.{opening}"),
        *(
            ui.Label(
                text=say("Photo {number}", number=line.number),
                description=Hint.CAPTION if n == 0 else None,
                component=text_box(
                    f"caption.{line.number}",
                    style=discord.TextStyle.paragraph,
                    default=line.caption[:CAPTION_LIMIT] or None,
                    required=False,
                    max_length=CAPTION_LIMIT,
                ),
            )
            for n, line in enumerate(lines[:5])
        ),
    )


def word(dataset_id: int, page: int, opening: str) -> ui.Modal:
    return form(
        Title.WORD,
        custom_id("cap.word.send", dataset_id, f"{page}.{opening}"),
        ui.Label(text=Field.ADD_WORD, component=text_box("add", required=False, max_length=100)),
        ui.Label(text=Field.REMOVE_WORD, component=text_box("remove", required=False, max_length=100)),
    )


def trigger(dataset_id: int, back_to: str, opening: str) -> ui.Modal:
    """`back_to`: "cap" or "confirm", the card it was asked from."""
    return form(
        Title.TRIGGER,
        custom_id("set.trigger.send", dataset_id, f"{back_to}.{opening}"),
        ui.Label(
            text=Field.TRIGGER,
            description=Hint.TRIGGER,
            component=text_box("trigger", min_length=1, max_length=30),
        ),
    )


def imagine(lora_id: int, name: str, prompt: str) -> ui.Modal:
    return form(
        Title.IMAGINE,
        custom_id("lora.imagine.send", lora_id, name),
        ui.Label(
            text=Field.PROMPT,
            description=Hint.PROMPT,
            component=text_box(
                "prompt",
                style=discord.TextStyle.paragraph,
                default=clip(prompt, 1000) or None,
                max_length=1000,
            ),
        ),
    )


def read(data: Mapping[str, Any]) -> Filled:
    """The `data` of a submit. Photos are put in the order of their names, since Discord keeps none."""
    values: dict[str, str | bool] = {}
    chosen: dict[str, tuple[str, ...]] = {}
    ids: list[str] = []
    for part in _leaves(data.get("components", [])):
        key = part.get("custom_id")
        if not isinstance(key, str):
            continue
        if part.get("type") == discord.ComponentType.file_upload.value:
            ids += [str(id) for id in part.get("values", [])]
        elif isinstance(part.get("value"), str | bool):
            values[key] = part["value"]
        elif part.get("values"):
            chosen[key] = tuple(str(value) for value in part["values"])
            values[key] = chosen[key][0]
    files: Mapping[str, Any] = data.get("resolved", {}).get("attachments", {})
    uploads = [
        Upload(str(file["filename"]), str(file["url"]), int(file["size"])) for id in ids if (file := files.get(id))
    ]
    return Filled(values, tuple(sorted(uploads, key=lambda upload: upload.name)), chosen)


def _leaves(parts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for part in parts:
        if "component" in part:
            found += _leaves([part["component"]])
        elif "components" in part:
            found += _leaves(part["components"])
        else:
            found.append(part)
    return found


def text_box(key: str, **options: Any) -> ui.TextInput[Any]:
    return ui.TextInput(custom_id=key, **options)


def _files(key: str, *, required: bool) -> ui.FileUpload[Any]:
    # min_values=0 together with required=True is accepted everywhere and contradicts Discord's documentation.
    return ui.FileUpload(custom_id=key, required=required, min_values=1 if required else None, max_values=FILES)


def form(title: str, id: str, *parts: ui.Item[Any]) -> ui.Modal:
    """Title, labels and small print in the language in force."""
    modal = ui.Modal(title=shown(title), custom_id=id, timeout=None)
    for part in parts:
        if isinstance(part, ui.Label):
            part.text = shown(part.text)
            part.description = shown(part.description) if part.description else None
        modal.add_item(part)
    modal.stop()
    return modal
