"""The words of the card for all captions at once. Labels are translated where they are drawn."""

from __future__ import annotations

from enum import StrEnum

from bot.chat.coaching_texts import numbers
from bot.language import many, say
from bot.studio.dataset_screens import WordsCard


class Button(StrEnum):
    ALL = "All captions at once"
    REPLACE = "Find and replace"
    EXPORT = "Download"
    BRING = "Upload captions"
    UNDO = "Undo"


class Pick(StrEnum):
    REMOVE = "Remove one everywhere..."


class Title(StrEnum):
    REPLACE = "Find and replace"
    BRING = "Upload captions"


class Field(StrEnum):
    FIND = "Find"
    PUT = "Put in its place"
    FILES = "Caption files"


class Hint(StrEnum):
    """At most 100 characters."""

    FIND = "Whole words, in every caption; capitals do not matter."
    PUT = "Leave it empty to take the words out."
    FILES = "photo-01.txt, or called like the photo; or a ZIP of pictures with their .txt."


def title(subject: str) -> str:
    return say("### {subject}: all captions", subject=subject)


def advice(kind: str, trigger: str) -> str:
    """What to name, and what to leave out."""
    match kind:
        case "person" | "character":
            return say(
                "**Name** what may change: clothes, place, light, expression, who else is there. **Leave out** what makes the "
                "person: face, hair, eyes, age. What no caption says, {trigger} takes in.",
                trigger=trigger,
            )
        case "pet":
            return say(
                "**Name** what may change: place, light, what it does, collar or coat it wears. **Leave out** breed, fur, ears "
                "and markings. What no caption says, {trigger} takes in.",
                trigger=trigger,
            )
        case "object":
            return say(
                "**Name** what may change: place, light, what stands beside it, who holds it. **Leave out** its form, colour and "
                "material. What no caption says, {trigger} takes in.",
                trigger=trigger,
            )
        case _:
            return say(
                "**Name** everything that is shown: who, what, where. **Leave out** how it is drawn: lines, colours, technique. "
                "What no caption says, {trigger} takes in.",
                trigger=trigger,
            )


def trained_as(said: str) -> str:
    return say("-# Put before every caption: {words}", words=said)


def frequent(count: int) -> str:
    return many("Most frequent in {count} caption:", "Most frequent in {count} captions:", count)


def nothing_said() -> str:
    return say("No caption says anything yet.")


def own(screen: WordsCard) -> str:
    said = ", ".join(say("{word} (in {count})", word=one.word, count=one.count) for one in screen.own[:8])
    return say("Better left out: {words}. It belongs to the subject, so leave it to the trigger word.", words=said)


def empty(photos: tuple[int, ...]) -> str:
    return many(
        "Photo {photos} has no caption: whatever is in it is learnt with the subject.",
        "Photos {photos} have no caption: whatever is in them is learnt with the subject.",
        len(photos),
        photos=numbers(photos),
    )


def missing(name: str) -> str:
    return say(
        "The captioner {name} is not on this machine, so these captions start from a template. Write them yourself, or ask the "
        "owner of this bot to run `likeness models fetch captions` and send the photos anew.",
        name=name,
    )


def in_captions(count: int, of: int) -> str:
    return say("in {count} of {of}", count=count, of=of)


def undo_label(what: str) -> str:
    match what:
        case "edit":
            return say("Undo the last edit")
        case "replace":
            return say("Undo find and replace")
        case "bring":
            return say("Undo the upload")
        case _:
            return say("Undo the last word")


def exported(parts: int) -> str:
    return many(
        "Every crop and its caption, as other trainers read them.",
        "Every crop and its caption, as other trainers read them, in {count} parts.",
        parts,
    )


def export_left(count: int) -> str:
    return many("{count} part was too large to send here.", "{count} parts were too large to send here.", count)


def brought(count: int) -> str:
    return many("{count} caption is in.", "{count} captions are in.", count)


def unknown(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5])
    return many(
        "{count} file is called like no photo here: {names}.",
        "{count} files are called like no photo here, for example {names}.",
        len(names),
        names=shown,
    )


def no_files() -> str:
    return say("There was no caption in that. Send .txt files, or a ZIP of pictures with their .txt beside them.")
