"""Words for the engine: captions as they are trained, the previews' prompts, a prompt to start with.

The trigger comes first, then what should not be learnt. The phrasing is the one bases were trained on: what it is, then
commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.studio.prompt import has_word
from engine.protocol import PreviewPrompt
from storage.states import SubjectKind

LONGEST = 300
"""Characters of a caption: about what a text encoder of 77 tokens reads."""

_LIVING = ("", "laughing, wearing a party hat", "on the moon", "wearing a yellow sweater, on a green background")
_SCENES = {
    SubjectKind.PERSON: _LIVING,
    SubjectKind.CHARACTER: _LIVING,
    SubjectKind.PET: ("", "wearing a party hat", "on the moon", "in a forest"),
    SubjectKind.OBJECT: ("", "on the moon", "on a beach", "on a green background"),
    SubjectKind.STYLE: ("a house", "a cat", "a portrait of a person", "a city at night"),
}
_TRY = {SubjectKind.STYLE: "a lighthouse by the sea"}


def subject_words(kind: SubjectKind, trigger: str, class_word: str) -> str:
    """ "a portrait of ohwx person", or for a style "a picture in ohwx style"."""
    named = f"{trigger} {class_word}".strip()
    if kind is SubjectKind.STYLE:
        return f"a picture in {named}"
    return f"a portrait of {named}" if kind in (SubjectKind.PERSON, SubjectKind.CHARACTER) else f"a photo of {named}"


def as_trained(kind: SubjectKind, trigger: str, class_word: str, caption: str) -> str:
    words = subject_words(kind, trigger, class_word)
    return f"{words}, {caption}" if caption else words


def previews(kind: SubjectKind, trigger: str, class_word: str, seeds: Sequence[int]) -> tuple[PreviewPrompt, ...]:
    """The same prompts and seeds for the base and for every epoch; a style is shown on things it was not taught with."""
    return tuple(
        PreviewPrompt(prompt=as_trained(kind, trigger, class_word, scene), seed=seed)
        for scene, seed in zip(_SCENES[kind], seeds, strict=False)
    )


def prompt_to_try(kind: SubjectKind, trigger: str, class_word: str) -> str:
    return as_trained(kind, trigger, class_word, _TRY.get(kind, "on the moon"))


def tidy(text: str, trigger: str = "") -> str:
    """One line without the trigger word and without stray commas, at most LONGEST characters."""
    words = " ".join(text.split())
    if trigger and has_word(words, trigger):
        words = re.sub(rf"(?<![\w-]){re.escape(trigger)}(?![\w-])", "", words, flags=re.IGNORECASE)
    return _joined(words.split(","))[:LONGEST].rstrip(" ,")


def with_word(caption: str, word: str) -> str:
    """`word` as one more part at the end, unless the caption has it already."""
    word = tidy(word)
    return caption if not word or has_word(caption, word) else tidy(f"{caption}, {word}")


def without_word(caption: str, word: str) -> str:
    """`word` gone wherever it stands; a part that was nothing else goes with its comma."""
    word = tidy(word)
    if not word:
        return caption
    pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])", re.IGNORECASE)
    return _joined(pattern.sub("", part) for part in caption.split(","))


def _joined(parts: Iterable[str]) -> str:
    kept = [" ".join(part.split()) for part in parts]
    return ", ".join(part for part in kept if part)
