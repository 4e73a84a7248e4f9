"""Words about LoRAs, rules, privacy and reports. Lengths are Discord's and are tested."""

from __future__ import annotations

from enum import StrEnum

from bot.language import label, many, say
from bot.studio import receipts
from bot.studio.people_screens import HeldOfSubject


class Button(StrEnum):
    """Labels, at most 34 characters."""

    IMAGINE = "Imagine with it"
    RENAME = "Rename"
    PROMPT = "Prompt to begin with"
    LEDGER = "What was done with it"
    THUMBNAIL = "Another thumbnail"
    EXPORT = "Take the file"
    MINE = "Only mine"
    ALL = "All of them"
    DELETE = "Delete it"
    OLDER = "Older"
    LOOK = "Look at it"
    PUT_BACK = "Put it back"
    REMOVE = "Delete the pictures"
    FORGET_ME = "Forget everything about me"
    NUMBERS = "Quotas and days"
    AUDIT = "Audit"


class Pick(StrEnum):
    """Placeholders of menus, at most 150 characters."""

    ACCESS = "Who may use it"
    MEMBERS = "Which members?"
    ROLES = "Which roles?"
    OPEN = "Open one..."
    THUMBNAIL = "Which picture?"
    TRAINERS = "Roles that may train; none: everybody"
    CHANNELS = "Channels I work in; none: everywhere I can write"
    REPORTS = "Where reports go"
    SUBJECT = "Take back, or forget, one of these..."
    LANGUAGE = "The language of this server"


class Title(StrEnum):
    """Titles of forms, at most 45 characters."""

    RENAME = "Rename a LoRA"
    PROMPT = "The prompt to begin with"
    NUMBERS = "Quotas and days"


class Field(StrEnum):
    """Labels in forms, at most 45 characters."""

    NAME = "New name"
    PROMPT = "Prompt"
    TRAININGS = "Trainings a member may begin in 30 days"
    PICTURES = "Times a member may /imagine in 24 hours"
    PHOTOS = "Days photos are kept after their training"
    EPOCHS = "Days epochs that lost are kept"
    KEPT_PICTURES = "Days pictures are kept"


class Hint(StrEnum):
    """Small print under a label, at most 100 characters."""

    NAME = "Letters a to z, digits, - and _; 2 to 40 of them."
    PROMPT = "What Imagine with it is filled with. Empty: the usual one."
    NUMBER = "A whole number. Empty: no limit."
    DAYS = "A whole number. Empty: until somebody deletes them."


def access() -> tuple[tuple[str, str], ...]:
    return (
        ("me", say("Only whoever it belongs to")),
        ("members", say("Named members")),
        ("role", say("A role")),
        ("server", say("Everybody on this server")),
    )


def thumbnail_title(name: str) -> str:
    return say("### The thumbnail of {name}", name=name)


def thumbnail_option(number: int, is_preview: bool) -> str:
    if is_preview:
        return say("{number}: a preview of its training", number=number)
    return say("{number}: a picture you had painted", number=number)


def thumbnail_help() -> str:
    return say("Everybody who may use it sees the thumbnail. A picture of yours is shown for as long as you keep it.")


def who_exactly() -> str:
    return say("Who exactly? Nothing changes before you choose.")


def nothing_yet() -> str:
    return say("Nothing yet.")


class Act(StrEnum):
    """What was done, as it stands after a name. Its keys are the values of bot.studio.acts.Act."""

    ASKED = "asked for a member's word"
    ALLOWED = "allowed it"
    ATTESTED = "answered for a person who agreed"
    REFUSED = "said no"
    REVOKED = "took their word back"
    TRAINED = "started a training"
    PUBLISHED = "had a LoRA published"
    SHARED = "changed who may use it"
    RENAMED = "renamed it"
    PAINTED = "had pictures painted"
    EXPORTED = "took the file"
    DELETED = "deleted it"
    FORGOT = "had it forgotten"
    REPORTED = "reported pictures"
    KEPT = "put reported pictures back"
    REMOVED = "deleted reported pictures"
    RULED = "changed the rules of this server"


ACTS = {act.name.lower(): act for act in Act}
"""Act value -> what it says after a name."""


def lora_title(name: str) -> str:
    return f"### {name}"


def lora_facts(trigger: str, epoch: int, base: str, made_at: int) -> str:
    learnt = say("Trigger word **{trigger}** · epoch {epoch}", trigger=trigger, epoch=epoch)
    return f"{learnt} · {base} · <t:{made_at}:D>"


def lora_belongs(owner_id: int, shows: int | None) -> str:
    owner = f"<@{owner_id}>"
    if shows is None:
        return say("Belongs to {owner}", owner=owner)
    return say("Belongs to {owner} and shows {member}", owner=owner, member=f"<@{shows}>")


def lora_access(access: str, members: tuple[int, ...], roles: tuple[int, ...]) -> str:
    if access == "me":
        return say("May be used by: only whoever it belongs to, and whoever it shows")
    if access == "server":
        return say("May be used by: everybody on this server")
    named = [f"<@{id}>" for id in members] + [f"<@&{id}>" for id in roles]
    return say("May be used by: {names}", names=", ".join(named))


def lora_prompt(prompt: str) -> str:
    return say("Begin with: {command}", command=f"`/imagine {prompt}`")


def ledger_title(name: str) -> str:
    return "### " + (say("What was done with {name}", name=name) if name else say("Audit of this server"))


def ledger_line(at: int, who_id: int, act: str, ref: str) -> str:
    who = f"<@{who_id}>" if who_id else say("somebody who was forgotten")
    return f"<t:{at}:f> {who} {label(ACTS.get(act, act))}" + (f" · {ref}" if ref else "")


def what_i_do() -> str:
    return "\n".join(
        [
            "### " + say("What I can do here"),
            say(
                "`/train` learns a face, a character, a pet, an object or a style from 5 to 50 photos. A member who is in "
                "them is asked first."
            ),
            say(
                "`/imagine` paints; a trigger word in the prompt brings in who was learnt. `/inspire` has prompts to start "
                "from, `/compare` shows LoRAs and strengths side by side, `/gallery` keeps what you like."
            ),
            say(
                "`/loras` lists what has been learnt: who may use it, its name, prompt and thumbnail, and Delete. `/retrain` "
                "opens it anew with photos added or left out, `/export` gives you the file."
            ),
            say("`/queue`, `/cancel` and `/stop-after-epoch` look after what waits and runs."),
            say(
                "`/privacy` tells what is stored about you and takes it back; `/forget` deletes it. `/report`, or Apps in a "
                "picture's menu, hides a picture until an admin has looked. `/settings` is for admins."
            ),
        ]
    )


def privacy_title() -> str:
    return "### " + say("What is stored about you on this server")


def privacy_plainly() -> str:
    return say(
        "All of it lies on the machine this bot runs on, photos, captions, prompts, epochs and pictures sealed with keys of "
        "their own; nobody else gets it. Not sealed are names of LoRAs and subjects, trigger words, Discord's ids and times. "
        "The owner of that machine has the keys. Forgetting drops the keys, so that copies of photos, captions, prompts and "
        "pictures in older backups cannot be opened either; names and ids in a copy taken elsewhere stay until that copy is "
        "deleted."
    )


def hidden() -> str:
    return say("These pictures were reported. They are hidden until an admin has looked at them.")


def rules_title() -> str:
    return "### " + say("Rules of this server")


def as_discord() -> str:
    return say("As this server is set in Discord")


def report_title() -> str:
    return "### " + say("Pictures were reported")


def reported() -> str:
    return say("Thank you. The pictures are hidden, and an admin will look at them.")


def no_message() -> str:
    return say("That is no link of a message. Use the picture's own menu: Apps, Report this picture.")


def taken_home() -> str:
    return say("The file and what belongs to it. Keep it as private as the photos.")


def privacy_counts(
    subjects: int, photos: int, loras: int, pictures: int, shown_in: int, votes: int, audit_lines: int
) -> str:
    brought = many("{count} subject you brought", "{count} subjects you brought", subjects)
    given = many("{count} photo, its crop and caption", "{count} photos, their crops and captions", photos)
    learnt = many("{count} LoRA", "{count} LoRAs", loras)
    voted = many("{count} vote", "{count} votes", votes)
    lines = (
        say("{subjects}, with {photos}, and {loras}", subjects=brought, photos=given, loras=learnt),
        many(
            "{count} subject of others that shows you, or that you were asked about",
            "{count} subjects of others that show you, or that you were asked about",
            shown_in,
        ),
        many(
            "{count} picture you had painted, with its prompt",
            "{count} pictures you had painted, with their prompts",
            pictures,
        ),
        many(
            "{votes}, and {count} line of the audit (what you did and when, never a word of yours)",
            "{votes}, and {count} lines of the audit (what you did and when, never a word of yours)",
            audit_lines,
            votes=voted,
        ),
    )
    return "\n".join(f"- {line}" for line in lines)


def privacy_time(photos: int | None, epochs: int | None, pictures: int | None) -> str:
    def days(number: int | None) -> str:
        return say("until somebody deletes them") if number is None else many("{count} day", "{count} days", number)

    return say(
        "Kept here: photos {photos} after their training, epochs that lost {epochs}, pictures {pictures}.",
        photos=days(photos),
        epochs=days(epochs),
        pictures=days(pictures),
    )


def subject_title(name: str, owner_id: int) -> str:
    return "### " + (name or say("Photos of you, brought by {owner}", owner=f"<@{owner_id}>"))


def subject_label(name: str, number: int) -> str:
    return name or say("photos of you ({number})", number=number)


def subject_word(member_id: int | None) -> str:
    if member_id is None:
        return say("It shows no real person.")
    return say("It stands on the word of {member}.", member=f"<@{member_id}>")


def rules_facts(
    roles: tuple[int, ...], channels: tuple[int, ...], report_channel: int | None, numbers: tuple[int | None, ...]
) -> str:
    trainings, paintings, photos, epochs, pictures = (say("not limited") if n is None else str(n) for n in numbers)
    allowed = ", ".join(f"<@&{role}>" for role in roles) or say("everybody")
    places = ", ".join(f"<#{channel}>" for channel in channels) or say("every channel it can write in")
    told = f"<#{report_channel}>" if report_channel else say("the channel of the picture")
    return "\n".join(
        [
            say("May train: {roles}", roles=allowed),
            say("Works in: {channels}", channels=places),
            say("Reports go to: {channel}", channel=told),
            say(
                "A member: trainings in 30 days {trainings}; /imagine in 24 hours {paintings}",
                trainings=trainings,
                paintings=paintings,
            ),
            say(
                "Days kept: photos {photos}; epochs that lost {epochs}; pictures {pictures}",
                photos=photos,
                epochs=epochs,
                pictures=pictures,
            ),
        ]
    )


def report_facts(reporter_id: int, painter_id: int, channel_id: int, state: str) -> str:
    outcome = {"open": say("Hidden until you decide."), "kept": say("Put back."), "removed": say("Deleted.")}[state]
    told = say(
        "By {reporter}, about pictures {painter} had painted in {channel}.",
        reporter=f"<@{reporter_id}>",
        painter=f"<@{painter_id}>",
        channel=f"<#{channel_id}>",
    )
    return f"{told} {outcome}"


def export_split(parts: int) -> str:
    return many(
        "The file is larger than this server takes in one piece, so it comes in {count} part. The page beside it says how to "
        "join them: save all of them into one folder first.",
        "The file is larger than this server takes in one piece, so it comes in {count} parts. The page beside it says how to "
        "join them: save all of them into one folder first.",
        parts,
    )


def export_link(link: str, hours: int) -> str:
    return many(
        "The file is larger than this server takes, so it is here for {count} hour: {link}\nWhoever has the link can fetch it: "
        "keep it to yourself.",
        "The file is larger than this server takes, so it is here for {count} hours: {link}\nWhoever has the link can fetch "
        "it: keep it to yourself.",
        hours,
        link=f"<{link}>",
    )


def export_refused(name: str) -> str:
    return say(
        "Discord did not take {name}: it is too large for this server. Ask the owner of this bot for it.", name=name
    )


def what_goes(goes: HeldOfSubject) -> str:
    """Before it is forgotten, what that takes."""
    return say("Forgetting it deletes {list}.", list=receipts.of_subject(goes))
