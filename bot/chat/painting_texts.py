"""Words around painting: under pictures, in the gallery, of comparisons, of a channel's rules. Lengths are tested."""

from __future__ import annotations

from enum import StrEnum

from bot.language import many, say
from bot.studio.painting_screens import ChannelCard


class Button(StrEnum):
    """Labels, at most 34 characters. U and V with a number are what people know from Midjourney."""

    EDIT = "Edit prompt"
    WEAKER = "Weaker"
    STRONGER = "Stronger"
    KEEP = "Favourite"
    UNKEEP = "No favourite any more"
    SHARE = "Show to the server"
    UNSHARE = "Keep it to myself"
    BACK = "Back to the gallery"
    MINE = "My gallery"
    SERVER = "The server's gallery"
    CANCEL = "Cancel"
    COMPARE = "Compare"
    DEFAULTS = "Defaults and limit"
    PAINTING_ON = "Allow painting here"
    PAINTING_OFF = "No painting here"
    SPOILER_ON = "Blur pictures"
    SPOILER_OFF = "Show pictures openly"
    LIFT = "As everywhere"


class Pick(StrEnum):
    """Placeholders of menus, at most 150 characters."""

    ENLARGE = "Enlarge one..."
    VARY = "Vary one..."
    KEEP = "Make one a favourite..."
    OPEN = "Open one..."


class Title(StrEnum):
    """Titles of forms, at most 45 characters."""

    EDIT = "Edit the prompt"
    CHANNEL = "Defaults and limit of this channel"
    COMPARE = "Compare"


class Field(StrEnum):
    """Labels in forms, at most 45 characters."""

    PROMPT = "Prompt"
    NEGATIVE = "What should not be seen"
    SEED = "Seed"
    LORA = "LoRA where nobody names one"
    SIZE = "Size"
    COUNT = "Pictures where nobody says how many"
    STEPS = "Steps"
    MOST = "Pictures at once, at most"
    STRENGTHS = "Strengths"
    BESIDE = "Other LoRAs beside it"


class Hint(StrEnum):
    """Small print under a label, at most 100 characters."""

    PROMPT = "With <lora:name:0.8> and options such as --ar 3:2 --steps 30 --cfg 6 --fast."
    SEED = "The same seed keeps what the words do not change. Empty: a new one."
    LORA = "Its name, as in /loras. Empty: none."
    SIZE = "Like 3:2, or like 512x768. Empty: the base's own square."
    NUMBER = "A whole number. Empty: as everywhere."
    STRENGTHS = "Like 0.4, 0.7, 1. Empty: the usual ones, or none where several LoRAs are compared."
    BESIDE = "Names with commas between, as in /loras. Empty: this one alone."


def header(member_id: int, prompt: str) -> str:
    return f"<@{member_id}> {prompt}"


def facts(loras: str | None, strengths: tuple[float, ...], seeds: tuple[int, ...]) -> str:
    """What made it, and that a machine did."""
    painted = f"{loras} ({weights(strengths)})" if loras and strengths else loras or say("without a LoRA")
    shown = dict.fromkeys(seeds)
    told = many("seed {seeds}", "seeds {seeds}", len(shown), seeds=", ".join(str(seed) for seed in shown))
    return "-# " + say("Made by AI · {lora} · {seeds}", lora=painted, seeds=told)


def weights(strengths: tuple[float, ...]) -> str:
    return " + ".join(f"{strength:g}" for strength in strengths)


def strength(strengths: tuple[float, ...]) -> str:
    """On a button that cannot be pressed: where the two beside it start from."""
    return say("Strength {strength}", strength=weights(strengths))


def letters(many_pictures: bool) -> str:
    if not many_pictures:
        return ""
    return "-# " + say("U enlarges, V varies, ♡ makes a favourite of it.")


def picture(number: int) -> str:
    return say("Picture {number}", number=number)


def seed(number: int) -> str:
    return say("seed {seed}", seed=number)


def alone_facts(label: str, loras: str | None, number: int, member_id: int) -> str:
    place = f"{label} · " if label else ""
    lora = loras or say("without a LoRA")
    return "-# " + say(
        "Made by AI for {member} · {lora} · seed {seed}", member=f"<@{member_id}>", lora=f"{place}{lora}", seed=number
    )


def shared() -> str:
    return "-# " + say("Shown in the server's gallery.")


def gallery_title(mine: bool, total: int) -> str:
    if mine:
        return "### " + many("Your gallery: {count} favourite", "Your gallery: {count} favourites", total)
    return "### " + many("The server's gallery: {count} favourite", "The server's gallery: {count} favourites", total)


def gallery_empty(mine: bool) -> str:
    if mine:
        return say(
            "No favourites yet. Press ♡ under pictures that should stay; they come here, and outlive the others."
        )
    return say("Nobody shows a favourite yet. Open one in /gallery and press Show to the server.")


def gallery_private() -> str:
    return "-# " + say("Only you see this. A favourite is yours alone until you show it to the server.")


def line_label(number: int, prompt: str) -> str:
    return f"{number}. {prompt}"


def page_of(page: int, pages: int) -> str:
    return "-# " + say("Page {page} of {pages}", page=page, pages=pages)


def favourites_held(count: int) -> str:
    return "- " + many(
        "{count} favourite, which stays until you take it out or its picture is deleted",
        "{count} favourites, which stay until you take them out or their pictures are deleted",
        count,
    )


def comparing() -> str:
    return say("Comparing. A card in this channel shows how far it is, and becomes the result.")


def no_number(text: str) -> str:
    return say("{typed} is no picture here. Choose one from the menu.", typed=text)


def choose_training() -> str:
    return say("That is no training of yours. Choose one that is offered while you type.")


def channel_title(channel_id: int) -> str:
    return "### " + say("Painting in {channel}", channel=f"<#{channel_id}>")


def channel_facts(screen: ChannelCard) -> str:
    rules, most, nothing = screen.rules, screen.most, say("as everywhere")
    lines = [
        say("Painting: {allowed}", allowed=say("allowed") if rules.painting else say("not here")),
        say("LoRA where nobody names one: {lora}", lora=screen.lora or say("none")),
        say("Size: {size} · pictures: {count} · steps: {steps}",
            size=rules.size or nothing, count=rules.count or nothing, steps=rules.steps or nothing),
        say("Pictures at once, at most: {most}", most=min(rules.most or most, most)),
        say("Pictures are blurred until pressed: {blurred}", blurred=say("yes") if rules.spoiler else say("no")),
    ]  # fmt: skip
    return "\n".join(lines)


def channel_note() -> str:
    return "-# " + say(
        "Its threads go by this too. What is typed in a prompt goes before the defaults, never over the limit."
    )
