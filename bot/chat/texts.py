"""Every word a member reads that does not come from the studio. Lengths are Discord's and are tested in every language.

Command names and descriptions stand with the commands; everything else is here. Labels are translated where they are drawn
(layout, forms), sentences when they are made: so no sentence stands here before somebody reads it.
"""

from __future__ import annotations

from enum import StrEnum

from bot.language import label, many, say


class Button(StrEnum):
    """Labels, at most 34 characters beside an icon (Discord's own guideline; the limit is 80)."""

    LOOKS_RIGHT = "Looks right"
    ADD_MORE = "Add more photos"
    DISCARD = "Discard"
    PREVIOUS = "Previous"
    NEXT = "Next"
    FIRST = "First page"
    BACK = "Back"
    EDIT = "Edit"
    WORD = "A word everywhere"
    TRIGGER = "Change trigger word"
    START = "Start training"
    STOP = "Stop after this epoch"
    CANCEL = "Cancel"
    IMAGINE = "Imagine with it"
    AGAIN = "Again"
    SAME_SEED = "Same seed"
    VARY = "Vary"
    UPSCALE = "Upscale"
    DELETE = "Delete"
    RETRY = "Try again"
    LIGHTER = "Train a lighter one"


class Pick(StrEnum):
    """Placeholders of select menus, at most 150 characters."""

    FIX = "Fix a photo..."
    PRESET = "How long it trains"
    ACCESS = "Who may use it"
    ONE = "See one alone..."


class Title(StrEnum):
    """Titles of forms, at most 45 characters."""

    TRAIN = "Teach a face, a character or a style"
    ADD = "Add photos"
    CAPTION = "Edit a caption"
    FIVE = "Edit five captions"
    WORD = "One word, every caption"
    TRIGGER = "Change the trigger word"
    IMAGINE = "Imagine"


class Field(StrEnum):
    """Labels in forms, at most 45 characters."""

    NAME = "Name"
    PHOTOS = "Photos"
    MORE_PHOTOS = "More photos"
    KIND = "What is it?"
    CONSENT = "I may use these photos"
    ADD_WORD = "Add this to every caption"
    REMOVE_WORD = "Remove this from every caption"
    TRIGGER = "Trigger word"
    PROMPT = "What should be painted?"


class Hint(StrEnum):
    """Small print under a label, at most 100 characters."""

    NAME = "As you will find it later, for example: Katerina"
    PHOTOS = "12 to 20 are best, at least 5: different places, light and clothes. JPEG, PNG, WebP or HEIC."
    MORE_PHOTOS = "Ten more fit here, or a ZIP with all of them. Even more can be added afterwards."
    PHOTOS_GIVEN = "Those attached to the command are already in."
    CONSENT = "They stay on this server's own machine and are used for this training only."
    CAPTION = "What should not be learnt: clothes, place, light. Never the face itself."
    TRIGGER = "A made-up word of 3 to 20 letters and digits, such as ohwx."
    PROMPT = "Say what is seen; the trigger word brings in who was learnt."


class Permission(StrEnum):
    """Discord's own names."""

    VIEW_CHANNEL = "View Channel"
    SEND_MESSAGES = "Send Messages"
    SEND_MESSAGES_IN_THREADS = "Send Messages in Threads"
    CREATE_PRIVATE_THREADS = "Create Private Threads"
    CREATE_PUBLIC_THREADS = "Create Public Threads"
    ATTACH_FILES = "Attach Files"
    ADD_REACTIONS = "Add Reactions"
    READ_MESSAGE_HISTORY = "Read Message History"


PERMISSIONS = {permission.name.lower(): permission for permission in Permission}
"""By discord.py's names."""


def kinds() -> tuple[tuple[str, str, str], ...]:
    """Whose face, or what else: value, label, description."""
    return (
        ("me", say("Me"), say("Your own face")),
        (
            "member",
            say("Another member of this server"),
            say("They are asked, and nothing is trained before they allow it"),
        ),
        (
            "agreed",
            say("Someone who agreed"),
            say("They know of it and said yes; you answer for that, and it is written down"),
        ),
        ("character", say("A character"), say("Drawn, sewn or invented")),
        ("pet", say("A pet"), say("Or any other animal")),
        ("object", say("An object"), say("A thing with a look of its own")),
        ("style", say("A style"), say("A way of painting or drawing")),
    )


def access() -> tuple[tuple[str, str], ...]:
    return (("me", say("Only me")), ("server", say("Everybody on this server")))


def old_panel() -> str:
    return say("This panel is from an older version of me. Use /train, /queue or /loras to get a fresh one.")


def fresh_panel() -> str:
    return say("That panel was from an older version of me; this is a fresh one. Please press again.")


def not_here() -> str:
    return say("This works on a server only: use it in one of its channels.")


def no_consent() -> str:
    return say("Nothing was kept. Tick the box that says you may use these photos, then send the form again.")


def no_photos() -> str:
    return say("There were no photos in that. Use /train again and attach at least 5.")


def no_prompt() -> str:
    return say("The prompt was empty. Say what should be painted, for example: a portrait of ohwx on the moon.")


def no_word() -> str:
    return say("Both lines were empty, so nothing was changed. Fill in one of them and send the form again.")


def empty_queue() -> str:
    return say("Nobody is waiting: the next request starts at once.")


def no_loras() -> str:
    return say("Nothing has been learnt here yet. Start with /train.")


def no_name() -> str:
    return say("A name is needed to find it again later. Send the form again with one.")


def broken(reference: str) -> str:
    return say(
        "Something broke on my side. It has been noted as `{reference}`; tell the owner of this bot if it happens again.",
        reference=reference,
    )


def missing_permission(names: tuple[str, ...]) -> str:
    """`names`: of `Permission`."""
    return many(
        "I am missing a permission in this channel: {names}. An admin can grant it in the channel's settings.",
        "I am missing permissions in this channel: {names}. An admin can grant them in the channel's settings.",
        len(names),
        names=listed(tuple(label(name) for name in names)),
    )


def room_opened(room_id: int, count: int) -> str:
    return many(
        "{count} photo in. I am looking at it now; everything else happens in {room}.",
        "{count} photos in. I am looking at them now; everything else happens in {room}.",
        count,
        room=f"<#{room_id}>",
    )


def are_missing(names: tuple[str, ...]) -> str:
    """Part of a sentence. `names`: of `Permission`."""
    told = listed(tuple(label(name) for name in names))
    return many("{names} is missing", "{names} are missing", len(names), names=told)


def photos_added(count: int) -> str:
    return many(
        "{count} photo more in. I am looking at it now; the new sheet follows.",
        "{count} photos more in. I am looking at them now; the new sheet follows.",
        count,
    )


def left_out(problems: tuple[str, ...]) -> str:
    return say("Not fetched: {problems}. Send those again with Add more photos.", problems="; ".join(problems))


def too_big(name: str, megabytes: int) -> str:
    return say("{name} is over {megabytes} MB", name=name, megabytes=megabytes)


def gone(name: str) -> str:
    return say("{name} was not there any more", name=name)


def lost_in_restart(count: int) -> str:
    return many(
        "{count} photo attached to the command did not survive a restart of mine.",
        "{count} photos attached to the command did not survive a restart of mine.",
        count,
    )


def painting() -> str:
    return say("Painting. It will be posted here.")


def photos(count: int) -> str:
    return many("{count} photo", "{count} photos", count)


def listed(names: tuple[str, ...]) -> str:
    """ "A, B and C" """
    if len(names) == 1:
        return names[0]
    return say("{most} and {last}", most=", ".join(names[:-1]), last=names[-1])


def reading(subject: str, done: int, given: int) -> str:
    return say("Looking at the photos of **{subject}**: {done} of {given}.", subject=subject, done=done, given=given)


def captions_title(subject: str, page: int, pages: int) -> str:
    if pages > 1:
        return "### " + say("{subject}: the captions ({page} of {pages})", subject=subject, page=page, pages=pages)
    return "### " + say("{subject}: the captions", subject=subject)


def edit_some(first: int, last: int) -> str:
    return say("Edit {first}", first=first) if first == last else say("Edit {first} to {last}", first=first, last=last)


def captions_help(trigger: str, class_word: str) -> str:
    return say(
        "Trained as **{trigger} {class_word}**. A caption names what should *not* be learnt: clothes, place, light. "
        "What it leaves out, the trigger word takes in.",
        trigger=trigger,
        class_word=class_word,
    )


def captions_agreed() -> str:
    return "-# " + say("The captions are agreed.")


def confirm_title(subject: str) -> str:
    return "### " + say("Ready to learn {subject}", subject=subject)


def confirm_facts(trigger: str, class_word: str, count: int, queue: str) -> str:
    learnt = say("Trigger word **{trigger}** ({class_word})", trigger=trigger, class_word=class_word)
    return " · ".join(part for part in (learnt, photos(count), queue) if part)


def started() -> str:
    return "-# " + say("Started.")


def status_title(subject: str) -> str:
    return f"### {subject}"


def ends(unix: int) -> str:
    return say("Done {when}", when=f"<t:{unix}:R>")


def place_in_line(place: int) -> str:
    if place == 1:
        return say("Next in line.")
    ahead = place - 1
    return many("{count} request goes first.", "{count} requests go first.", ahead)


def losses(line: str, last: float) -> str:
    return say("Loss {line} {last}", line=line, last=f"{last:.3f}")


def epoch_title(number: int, epochs: int) -> str:
    return "**" + say("Epoch {number} of {epochs}", number=number, epochs=epochs) + "**"


def trouble(member_id: int, sentence: str) -> str:
    return f"<@{member_id}> {sentence}"


def queue_title() -> str:
    return "### " + say("Waiting and running")


def loras_title() -> str:
    return "### " + say("What has been learnt here")


def queue_line(place: int, what: str, mine: bool, starts_at: int | None) -> str:
    text = f"{place}. {what}" if place else say("now: {what}", what=what)
    text += f" ({say('yours')})" if mine else ""
    return text + (", " + say("starts {when}", when=f"<t:{starts_at}:R>") if starts_at else "")


def lora_line(name: str, trigger: str, mine: bool, access: str) -> str:
    learnt = say("**{name}** · trigger word **{trigger}**", name=name, trigger=trigger)
    if access == "me":
        may = say("yours, for you only") if mine else say("shared, for you only")
    elif access == "some":
        may = say("yours, for named members or roles") if mine else say("shared, for named members or roles")
    else:
        may = say("yours, for everybody on this server") if mine else say("shared, for everybody on this server")
    return f"{learnt}\n-# {may}"


def page_of(page: int, pages: int) -> str:
    return "-# " + say("Page {page} of {pages}", page=page, pages=pages)
