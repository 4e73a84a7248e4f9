"""Every word a member reads that does not come from the studio. Lengths are Discord's and are tested.

Command names and descriptions stand with the commands; everything else is here.
"""

from __future__ import annotations

from enum import StrEnum


class Button(StrEnum):
    """Labels, at most 34 characters beside an icon (Discord's own guideline; the limit is 80)."""

    LOOKS_RIGHT = "Looks right"
    ADD_MORE = "Add more photos"
    DISCARD = "Discard"
    PREVIOUS = "Previous"
    NEXT = "Next"
    FIRST = "First page"
    BACK = "Back"
    TIGHTER = "Tighter"
    LOOSER = "Looser"
    LEFT = "Left"
    RIGHT = "Right"
    UP = "Up"
    DOWN = "Down"
    NEXT_FACE = "Next face"
    CENTRE = "Centre on face"
    DROP = "Leave it out"
    KEEP = "Keep it"
    EDIT = "Edit"
    WORD = "A word everywhere"
    TRIGGER = "Change trigger word"
    START = "Start training"
    VOTE_ON = "Vote: on"
    VOTE_OFF = "Vote: off"
    STOP = "Stop after this epoch"
    CANCEL = "Cancel"
    EXTEND = "One more hour"
    CLOSE = "Close now"
    IMAGINE = "Imagine with it"
    AGAIN = "Again"
    SAME_SEED = "Same seed"
    VARY = "Vary"
    UPSCALE = "Upscale"
    DELETE = "Delete"
    RETRY = "Try again"


class Pick(StrEnum):
    """Placeholders of select menus, at most 150 characters."""

    FIX = "Fix a photo..."
    PRESET = "How long it trains"
    ACCESS = "Who may use it"
    WINNER = "Make it the winner..."
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
    MORE_PHOTOS = "Ten more fit here; even more can be added afterwards."
    PHOTOS_GIVEN = "Those attached to the command are already in."
    CONSENT = "They stay on this server's own machine and are used for this training only."
    CAPTION = "What should not be learnt: clothes, place, light. Never the face itself."
    TRIGGER = "A made-up word of 3 to 20 letters and digits, such as ohwx."
    PROMPT = "Say what is seen; the trigger word brings in who was learnt."


KINDS = (
    ("me", "Me", "Your own face"),
    ("member", "Another member of this server", "They are asked, and nothing is trained before they allow it"),
    ("agreed", "Someone who agreed", "They know of it and said yes; you answer for that, and it is written down"),
    ("character", "A character", "Drawn, sewn or invented"),
    ("pet", "A pet", "Or any other animal"),
    ("object", "An object", "A thing with a look of its own"),
    ("style", "A style", "A way of painting or drawing"),
)
"""Whose face, or what else: value, label, description."""

ACCESS = (("me", "Only me"), ("server", "Everybody on this server"))

PERMISSIONS = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "create_private_threads": "Create Private Threads",
    "create_public_threads": "Create Public Threads",
    "attach_files": "Attach Files",
    "add_reactions": "Add Reactions",
    "read_message_history": "Read Message History",
}
"""discord.py's names and Discord's own."""

OLD_PANEL = "This panel is from an older version of me. Use /train, /queue or /loras to get a fresh one."
FRESH_PANEL = "That panel was from an older version of me; this is a fresh one. Please press again."
NOT_HERE = "This works on a server only: use it in one of its channels."
NO_CONSENT = "Nothing was kept. Tick the box that says you may use these photos, then send the form again."
NO_PHOTOS = "There were no photos in that. Use /train again and attach at least 5."
NO_PROMPT = "The prompt was empty. Say what should be painted, for example: a portrait of ohwx on the moon."
PICTURE_GONE = "That picture is not kept any more. Paint it again with Same seed."
PAINTING = "Painting. It will be posted here."
NO_WORD = "Both lines were empty, so nothing was changed."
EMPTY_QUEUE = "Nobody is waiting: the next request starts at once."
NO_LORAS = "Nothing has been learnt here yet. Start with /train."
NO_NAME = "A name is needed to find it again later. Send the form again with one."


def broken(reference: str) -> str:
    return f"Something broke on my side. It has been noted as `{reference}`; tell the owner of this bot if it happens again."


def missing_permission(names: tuple[str, ...]) -> str:
    return (
        f"I am missing a permission in this channel: {listed(names)}. An admin can grant it in the channel's settings."
    )


def room_opened(room_id: int, count: int) -> str:
    return f"{photos(count)} in. I am looking at them now; everything else happens in <#{room_id}>."


def room_is_here(count: int, missing: tuple[str, ...]) -> str:
    return (
        f"{photos(count)} in. I am looking at them now, here in this channel, because I may not open a thread: "
        f"{listed(missing)} is missing."
    )


def photos_added(count: int) -> str:
    return f"{photos(count)} more in. I am looking at them now; the new sheet follows."


def left_out(problems: tuple[str, ...]) -> str:
    return "Not fetched: " + "; ".join(problems) + ". Send those again with Add more photos."


def too_big(name: str, megabytes: int) -> str:
    return f"{name} is over {megabytes} MB"


def gone(name: str) -> str:
    return f"{name} was not there any more"


def lost_in_restart(count: int) -> str:
    return f"{photos(count)} attached to the command did not survive a restart of mine."


def painting(note: str) -> str:
    return f"Painting: {note.rstrip('.')}. It will be posted here."


def winner_chosen(name: str) -> str:
    return f"{name} it is. The announcement follows."


def photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def listed(names: tuple[str, ...]) -> str:
    """ "A, B and C" """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def reading(subject: str, done: int, given: int) -> str:
    return f"Looking at the photos of **{subject}**: {done} of {given}."


def crops_title(subject: str) -> str:
    return f"### {subject}: the crops"


CROPS_HELP = "What is inside a frame gets learnt. Pick a number to change its frame or leave it out."
CROPS_AGREED = "-# The crops are agreed."


def editor_title(number: int) -> str:
    return f"### Photo {number}"


def captions_title(subject: str, page: int, pages: int) -> str:
    return f"### {subject}: the captions" + (f" ({page} of {pages})" if pages > 1 else "")


def edit_some(first: int, last: int) -> str:
    return f"Edit {first}" if first == last else f"Edit {first} to {last}"


def captions_help(trigger: str, class_word: str) -> str:
    return (
        f"Trained as **{trigger} {class_word}**. A caption names what should *not* be learnt: clothes, place, light. "
        "What it leaves out, the trigger word takes in."
    )


CAPTIONS_AGREED = "-# The captions are agreed."


def confirm_title(subject: str) -> str:
    return f"### Ready to learn {subject}"


def confirm_facts(trigger: str, class_word: str, count: int, queue: str) -> str:
    return f"Trigger word **{trigger}** ({class_word}) · {photos(count)} · {queue}"


def vote_fact(wants_vote: bool) -> str:
    return "Everybody here votes on the result." if wants_vote else "The best epoch is taken without a vote."


STARTED = "-# Started."


def status_title(subject: str) -> str:
    return f"### {subject}"


def ends(unix: int) -> str:
    return f"Done <t:{unix}:R>"


def place_in_line(place: int) -> str:
    return "Next in line." if place == 1 else f"{ordinal(place)} in line."


def ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def losses(line: str, last: float) -> str:
    return f"Loss {line} {last:.3f}"


def epoch_title(number: int, epochs: int) -> str:
    return f"**Epoch {number} of {epochs}**"


def ballot_title(subject: str) -> str:
    return f"### Which {subject} is best?"


BALLOT_HELP = "React with the number of a column; several are fine. Same prompts and same seeds in every column."


def ballot_closes(unix: int) -> str:
    return f"Closes <t:{unix}:R>."


def winner_title(name: str) -> str:
    return f"### {name} is here"


def winner_call(owner_id: int) -> str:
    return f"<@{owner_id}>, it is ready."


def winner_use(trigger: str, try_it: str) -> str:
    return f"Bring it in with **{trigger}**: `/imagine {try_it}`"


def pictures_header(member_id: int, prompt: str) -> str:
    return f"<@{member_id}> {prompt}"


def pictures_facts(lora: str | None, seeds: tuple[int, ...]) -> str:
    shown = ", ".join(str(seed) for seed in seeds)
    return f"-# {lora or 'without a LoRA'} · {'seed' if len(seeds) == 1 else 'seeds'} {shown}"


def trouble(member_id: int, sentence: str) -> str:
    return f"<@{member_id}> {sentence}"


QUEUE_TITLE = "### Waiting and running"
LORAS_TITLE = "### What has been learnt here"


def queue_line(place: int, what: str, mine: bool, starts_at: int | None) -> str:
    text = f"{place}. {what}" if place else f"now: {what}"
    return text + (" (yours)" if mine else "") + (f", starts <t:{starts_at}:R>" if starts_at else "")


def lora_line(name: str, trigger: str, mine: bool, access: str) -> str:
    who = "yours" if mine else "shared"
    may = {"me": "for you only", "some": "for named members or roles"}
    return f"**{name}** · trigger word **{trigger}**\n-# {who}, {may.get(access, 'for everybody on this server')}"


def page_of(page: int, pages: int) -> str:
    return f"-# Page {page} of {pages}"
