"""Words about who is in the picture, who may use what came of it, and what is kept. Lengths are Discord's and are tested."""

from __future__ import annotations

from enum import StrEnum

from bot.language import say


class Button(StrEnum):
    """Labels, at most 34 characters."""

    ALLOW = "Allow"
    NO = "No"
    TAKE_BACK = "Take it back"
    FORGET = "Forget everything"


class Pick(StrEnum):
    """Placeholders of menus, at most 150 characters."""

    WHOSE_FACE = "Whose face is it?"


class Title(StrEnum):
    """Titles of forms, at most 45 characters."""

    CONSENT = "May I learn your face?"
    FORGET = "Forget it for good"


class Field(StrEnum):
    """Labels in forms, at most 45 characters."""

    ADULT = "I am 18 or older, and I allow it"
    WORD = "Type: forget"


class Hint(StrEnum):
    """Small print under a label, at most 100 characters."""

    ADULT = "You can take it back at any time, here or with /privacy."
    WORD = "This cannot be undone, and reaches the backups too."


FORGET_WORD = "forget"
"""Typed before anything is forgotten; in another language its own word does as well."""


def forget_words() -> tuple[str, ...]:
    return FORGET_WORD, say("forget")


def not_a_bot() -> str:
    return say("That is a bot, and bots have no face to lend. Choose a member of this server.")


def said_no() -> str:
    return say("You said no. The photos and everything read from them are deleted.")


def somebody_elses() -> str:
    return say("Only the one who is in the photos can answer this.")


def whose_face(subject: str) -> str:
    title = say("{subject}: whose face is it?", subject=subject)
    more = say("Choose the member. I ask them in the channel; nothing is trained before they allow it.")
    return f"### {title}\n{more}"


def was_asked(subject: str, member_id: int) -> str:
    told = say(
        "{member} was asked. Go on with crops and captions; training starts once they allow it.",
        member=f"<@{member_id}>",
    )
    return f"### {subject}\n{told}"


def has_allowed(subject: str, owner_id: int, member_id: int) -> str:
    told = say(
        "{owner}, {member} allows it. You can start the training.", owner=f"<@{owner_id}>", member=f"<@{member_id}>"
    )
    return f"### {subject}\n{told}"


def took_back(subject: str, member_id: int) -> str:
    told = say(
        "{member} took their word back: nothing is trained or painted with it any more.", member=f"<@{member_id}>"
    )
    return f"### {subject}\n{told}"


def consent_question(member_id: int, owner_id: int) -> str:
    if member_id == owner_id:
        return say(
            "{member}, you took your word back for what I had learnt. A new version needs it again.",
            member=f"<@{member_id}>",
        )
    return say(
        "{member}, {owner} has photos of you and would like me to learn your face from them.",
        member=f"<@{member_id}>",
        owner=f"<@{owner_id}>",
    )


def consent_terms() -> str:
    return "\n".join(
        [
            say(
                "I would learn your face from the photos and paint pictures with it. Photos and everything made from them "
                "stay sealed on the machine this bot runs on; nobody else gets them."
            ),
            say(
                "Who may use the result is chosen by the one who asks: only them, named members, a role or this server. You "
                "can use it too, see what was made with it, and change who may, with `/loras`."
            ),
            say(
                "You can take it back at any time, here or with `/privacy`: training stops, nobody can use it any more, and "
                "everything can be forgotten."
            ),
        ]
    )


def consent_given(member_id: int) -> str:
    return say(
        "{member} allows me to learn their face. They can take it back here, at any time.", member=f"<@{member_id}>"
    )


def consent_refused(owner_id: int, member_id: int) -> str:
    return say(
        "{owner}, {member} said no. The photos and everything read from them are deleted.",
        owner=f"<@{owner_id}>",
        member=f"<@{member_id}>",
    )


def consent_revoked(member_id: int) -> str:
    return say(
        "{member} took it back. What was running has stopped, and nobody can use what was learnt any more. "
        "Photos and pictures are still stored: Forget everything deletes those too.",
        member=f"<@{member_id}>",
    )
