"""Words about who is in the picture, who may use what came of it, and what is kept. Lengths are Discord's and are tested."""

from __future__ import annotations

from enum import StrEnum


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
NOT_A_BOT = "That is a bot, and bots have no face to lend. Choose a member of this server."
SAID_NO = "You said no. The photos and everything read from them are deleted."
SOMEBODY_ELSES = "Only the one who is in the photos can answer this."


def whose_face(subject: str) -> str:
    return (
        f"### {subject}: whose face is it?\n"
        "Choose the member. I ask them in the channel; nothing is trained before they allow it."
    )


def was_asked(subject: str, member_id: int) -> str:
    return (
        f"### {subject}\n<@{member_id}> was asked. Go on with crops and captions; training starts once they allow it."
    )


def has_allowed(subject: str, owner_id: int, member_id: int) -> str:
    return f"### {subject}\n<@{owner_id}>, <@{member_id}> allows it. You can start the training."


def took_back(subject: str, member_id: int) -> str:
    return f"### {subject}\n<@{member_id}> took their word back: nothing is trained or painted with it any more."


def consent_question(member_id: int, owner_id: int) -> str:
    return f"<@{member_id}>, <@{owner_id}> has photos of you and would like me to learn your face from them."


CONSENT_TERMS = (
    "I would learn your face from the photos and paint pictures with it. Photos and everything made from them stay sealed "
    "on the machine this bot runs on; nobody else gets them.\n"
    "Who may use the result is chosen by the one who asks: only them, named members, a role or this server. You can use it "
    "too, see what was made with it, and change who may, with `/loras`.\n"
    "You can take it back at any time, here or with `/privacy`: training stops, nobody can use it any more, and everything "
    "can be forgotten."
)


def consent_given(member_id: int) -> str:
    return f"<@{member_id}> allows me to learn their face. They can take it back here, at any time."


def consent_refused(owner_id: int, member_id: int) -> str:
    return f"<@{owner_id}>, <@{member_id}> said no. The photos and everything read from them are deleted."


def consent_revoked(member_id: int) -> str:
    return (
        f"<@{member_id}> took it back. What was running has stopped, and nobody can use what was learnt any more. "
        "Photos and pictures are still stored: Forget everything deletes those too."
    )
