"""What a member is shown of a training in private, because they asked to be told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Moment(StrEnum):
    """What there is to write about, each at most once."""

    ASKED = "asked"
    """The first message, which shows that they can be reached."""
    VOTE = "vote"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class NewsCard:
    """Neither a picture nor anybody's words but the subject's name: just what happened, and where to see it."""

    moment: Moment
    subject: str
    language: str
    """What they read: this card is for one member alone."""
    guild_id: int
    channel_id: int
    message_id: int | None
    """What it is about; None where that does not stand anywhere: then its channel is shown."""
