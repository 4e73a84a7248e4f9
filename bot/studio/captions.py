"""Words for the engine: captions as they are trained, the previews' prompts, a prompt to start with.

The trigger comes first, then what should not be learnt. The phrasing is the one bases were trained on: what it is, then
commas.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from bot.studio.prompt import has_word
from engine.captioning import OWN
from engine.photos import SubjectKind as EngineKind
from engine.protocol import PreviewPrompt
from storage.states import SubjectKind

LONGEST = 300
"""Characters of a caption: about what a text encoder of 77 tokens reads."""

SMALL = frozenset({
    "a", "an", "the", "and", "or", "of", "in", "on", "at", "to", "with", "by", "for", "from", "as", "is", "are", "was", "his",
    "her", "their", "its", "it", "he", "she", "they", "this", "that",
})  # fmt: skip
"""Words of which no list is of use."""
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


def replaced(caption: str, find: str, put: str) -> str:
    """Every `find`, as whole words in any case, becomes `put`. An empty `put` takes it out."""
    find = tidy(find)
    if not find:
        return caption
    if not tidy(put):
        return without_word(caption, find)
    pattern = re.compile(rf"(?<![\w-]){re.escape(find)}(?![\w-])", re.IGNORECASE)
    return tidy(pattern.sub(lambda _: tidy(put), caption))


def untrained(kind: SubjectKind, trigger: str, class_word: str, text: str) -> str:
    """`as_trained` undone: a caption as other tools keep it, without what this one puts before it."""
    words = " ".join(text.split())
    for start in (subject_words(kind, trigger, class_word), f"{trigger} {class_word}".strip(), trigger):
        if start and words.lower().startswith(start.lower()) and not words[len(start) :][:1].isalnum():
            return tidy(words[len(start) :].lstrip(" ,"), trigger)
    return tidy(words, trigger)


def counted(captions: Sequence[str]) -> list[tuple[str, int]]:
    """What recurs: parts between commas, and words that stand in several different parts; by how many captions have them."""
    parts, words = Counter[str](), Counter[str]()
    inside: dict[str, set[str]] = {}
    for caption in captions:
        told = {part.lower() for part in caption.split(", ") if part}
        parts.update(told)
        heard = {word: part for part in told for word in re.findall(r"[^\W\d_][\w'-]*", part) if word not in SMALL}
        words.update(heard.keys())
        for word, part in heard.items():
            inside.setdefault(word, set()).add(part)
    shared = {word: count for word, count in words.items() if len(inside[word]) > 1 and word not in parts}
    return sorted({**parts, **shared}.items(), key=lambda item: (-item[1], item[0]))


def own_words(kind: SubjectKind, captions: Sequence[str]) -> list[tuple[str, int]]:
    """Words for the subject's own looks: said in a caption they are taken from what the trigger word learns."""
    pattern = OWN.get(EngineKind(kind))
    if pattern is None:
        return []
    found = Counter(word for caption in captions for word in {one.lower() for one in pattern.findall(caption)})
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def _joined(parts: Iterable[str]) -> str:
    kept = [" ".join(part.split()) for part in parts]
    return ", ".join(part for part in kept if part)
