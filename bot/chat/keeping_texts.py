"""Words about LoRAs, rules, privacy and reports. Lengths are Discord's and are tested."""

from __future__ import annotations

from enum import StrEnum


class Button(StrEnum):
    """Labels, at most 34 characters."""

    IMAGINE = "Imagine with it"
    RENAME = "Rename"
    PROMPT = "Prompt to begin with"
    LEDGER = "What was done with it"
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
    TRAINERS = "Roles that may train; none: everybody"
    CHANNELS = "Channels I work in; none: everywhere I can write"
    REPORTS = "Where reports go"
    SUBJECT = "Take back, or forget, one of these..."


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


ACCESS = (
    ("me", "Only whoever it belongs to"),
    ("members", "Named members"),
    ("role", "A role"),
    ("server", "Everybody on this server"),
)

WHO_EXACTLY = "Who exactly? Nothing changes before you choose."
NOTHING_YET = "Nothing yet."

ACTS = {
    "asked": "asked for a member's word",
    "allowed": "allowed it",
    "attested": "answered for a person who agreed",
    "refused": "said no",
    "revoked": "took their word back",
    "trained": "started a training",
    "published": "had a LoRA published",
    "shared": "changed who may use it",
    "renamed": "renamed it",
    "painted": "had pictures painted",
    "exported": "took the file",
    "deleted": "deleted it",
    "forgot": "had it forgotten",
    "reported": "reported pictures",
    "kept": "put reported pictures back",
    "removed": "deleted reported pictures",
    "ruled": "changed the rules of this server",
}
"""Act value -> what it says after a name."""


def lora_title(name: str) -> str:
    return f"### {name}"


def lora_facts(trigger: str, epoch: int, base: str, made_at: int) -> str:
    return f"Trigger word **{trigger}** · epoch {epoch} · {base} · <t:{made_at}:D>"


def lora_belongs(owner_id: int, shows: int | None) -> str:
    return f"Belongs to <@{owner_id}>" + (f" and shows <@{shows}>" if shows is not None else "")


def lora_access(access: str, members: tuple[int, ...], roles: tuple[int, ...]) -> str:
    named = [f"<@{id}>" for id in members] + [f"<@&{id}>" for id in roles]
    who = {"me": "only whoever it belongs to, and whoever it shows", "server": "everybody on this server"}
    return "May be used by: " + (who.get(access) or ", ".join(named))


def lora_prompt(prompt: str) -> str:
    return f"Begin with: `/imagine {prompt}`"


def ledger_title(name: str) -> str:
    return f"### What was done with {name}" if name else "### Audit of this server"


def ledger_line(at: int, who_id: int, act: str, ref: str) -> str:
    who = f"<@{who_id}>" if who_id else "somebody who was forgotten"
    return f"<t:{at}:f> {who} {ACTS.get(act, act)}" + (f" · {ref}" if ref else "")


WHAT_I_DO = (
    "### What I can do here\n"
    "`/train` learns a face, a character, a pet, an object or a style from 5 to 50 photos. A member who is in them is asked "
    "first.\n"
    "`/imagine` paints; a trigger word in the prompt brings in who was learnt. `/loras` lists what there is: who may use it, "
    "its name, its prompt, and Delete.\n"
    "`/queue`, `/cancel` and `/stop-after-epoch` look after what waits and runs. `/export` gives you the file.\n"
    "`/privacy` tells what is stored about you and takes it back; `/forget` deletes it. `/report`, or Apps in a picture's menu, "
    "hides a picture until an admin has looked. `/settings` is for admins."
)
PRIVACY_TITLE = "### What is stored about you on this server"
PRIVACY_PLAINLY = (
    "All of it lies on the machine this bot runs on, photos, captions, prompts, epochs and pictures sealed with keys of their "
    "own; nobody else gets it. Not sealed are names of LoRAs and subjects, trigger words, Discord's ids and times. The owner "
    "of that machine has the keys. Forgetting drops the keys, so that copies of photos, captions, prompts and pictures "
    "in older backups cannot be opened either; names and ids in a copy taken elsewhere stay until that copy is deleted."
)
SOMEBODYS = "photos of you"
HIDDEN = "These pictures were reported. They are hidden until an admin has looked at them."
RULES_TITLE = "### Rules of this server"
REPORT_TITLE = "### Pictures were reported"
NOT_LIMITED = "not limited"
REPORTED = "Thank you. The pictures are hidden, and an admin will look at them."
NO_MESSAGE = "That is no link of a message. Use the picture's own menu: Apps, Report this picture."
TAKEN_HOME = "The file and what belongs to it. Keep it as private as the photos."


def privacy_counts(
    subjects: int, photos: int, loras: int, pictures: int, shown_in: int, votes: int, audit_lines: int
) -> str:
    return "\n".join(
        [
            f"- {subjects} subjects you brought, with {photos} photos, their crops and captions, and {loras} LoRAs",
            f"- {shown_in} subjects of others that show you, or that you were asked about",
            f"- {pictures} pictures you had painted, with their prompts",
            f"- {votes} votes, and {audit_lines} lines of the audit (what you did and when, never a word of yours)",
        ]
    )


def privacy_time(photos: int | None, epochs: int | None, pictures: int | None) -> str:
    def days(number: int | None) -> str:
        return "until somebody deletes them" if number is None else f"{number} days"

    return f"Kept here: photos {days(photos)} after their training, epochs that lost {days(epochs)}, pictures {days(pictures)}."


def subject_title(name: str, owner_id: int) -> str:
    return f"### {name}" if name else f"### Photos of you, brought by <@{owner_id}>"


def subject_label(name: str, number: int) -> str:
    return name or f"{SOMEBODYS} ({number})"


def subject_word(member_id: int | None) -> str:
    return "It shows no real person." if member_id is None else f"It stands on the word of <@{member_id}>."


def rules_facts(
    roles: tuple[int, ...], channels: tuple[int, ...], report_channel: int | None, numbers: tuple[int | None, ...]
) -> str:
    trainings, paintings, photos, epochs, pictures = (NOT_LIMITED if n is None else str(n) for n in numbers)
    return "\n".join(
        [
            "May train: " + (", ".join(f"<@&{role}>" for role in roles) or "everybody"),
            "Works in: " + (", ".join(f"<#{channel}>" for channel in channels) or "every channel it can write in"),
            "Reports go to: " + (f"<#{report_channel}>" if report_channel else "the channel of the picture"),
            f"A member: trainings in 30 days {trainings}; /imagine in 24 hours {paintings}",
            f"Days kept: photos {photos}; epochs that lost {epochs}; pictures {pictures}",
        ]
    )


def report_facts(reporter_id: int, painter_id: int, channel_id: int, state: str) -> str:
    outcome = {"open": "Hidden until you decide.", "kept": "Put back.", "removed": "Deleted."}[state]
    return f"By <@{reporter_id}>, about pictures <@{painter_id}> had painted in <#{channel_id}>. {outcome}"


def export_split(parts: int) -> str:
    return (
        f"The file is larger than this server takes in one piece, so it comes in {parts}; the page beside it says how to join "
        "them."
    )
