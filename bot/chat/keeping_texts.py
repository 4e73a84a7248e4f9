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
    REPORT = "Report a picture"


class Field(StrEnum):
    """Labels in forms, at most 45 characters."""

    NAME = "New name"
    PROMPT = "Prompt"
    TRAININGS = "Trainings a member may begin in 30 days"
    PICTURES = "Pictures a member may ask for in 24 hours"
    PHOTOS = "Days photos are kept after their training"
    EPOCHS = "Days epochs that lost are kept"
    KEPT_PICTURES = "Days pictures are kept"
    LINK = "Link of the message"


class Hint(StrEnum):
    """Small print under a label, at most 100 characters."""

    NAME = "Letters a to z, digits, - and _; 2 to 40 of them."
    PROMPT = "What Imagine with it is filled with. Empty: the usual one."
    NUMBER = "A whole number. Empty: no limit."
    DAYS = "A whole number. Empty: until somebody deletes them."
    LINK = "On the picture: Copy Message Link. Or use its menu: Apps, Report this picture."


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
