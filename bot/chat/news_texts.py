"""Words about being told of a training in private. Lengths are Discord's and are tested."""

from __future__ import annotations

from enum import StrEnum

from bot.language import label, many, say
from bot.studio.news_screens import Moment


class Button(StrEnum):
    """Labels, at most 34 characters."""

    ASK = "Tell me when it is done"
    END = "Do not write to me"
    TRAINING = "See the training"
    VOTE = "Go to the vote"
    LOOK = "Look at it"


TO = {
    Moment.ASKED: Button.TRAINING,
    Moment.VOTE: Button.VOTE,
    Moment.READY: Button.LOOK,
    Moment.FAILED: Button.LOOK,
    Moment.STOPPED: Button.TRAINING,
}
"""Where each leads."""


def what(moment: Moment, subject: str) -> str:
    """One short sentence or two."""
    match moment:
        case Moment.ASKED:
            return say(
                "I will write to you here when the vote on {subject} opens and when {subject} is ready, or if the training "
                "ends before that.",
                subject=subject,
            )
        case Moment.VOTE:
            return say("{subject} has been trained, and the vote is open: which epoch is best?", subject=subject)
        case Moment.READY:
            return say("{subject} is ready to be painted.", subject=subject)
        case Moment.FAILED:
            return say(
                "The training of {subject} failed. What happened, and what to do, stands there.", subject=subject
            )
        case Moment.STOPPED:
            return say("The training of {subject} was stopped.", subject=subject)


def how_to_end() -> str:
    return "-# " + say("No more of this? Press {button} under the training.", button=label(Button.END))


def will_write() -> str:
    return say("I will write to you when it is done. A first message comes now, so that you see where.")


def will_not_write() -> str:
    return say("I will not write to you about this training any more.")


def did_not_write() -> str:
    return say("You had not asked me to write to you, so nothing changes.")


def closed() -> str:
    return say(
        "Your direct messages are closed to me, so I cannot write to you. Allow direct messages from this server's members "
        "(right-click or long-press the server, then Privacy Settings, Direct Messages) and press again; else the post in "
        "the thread mentions you anyway."
    )


def held(count: int) -> str:
    return "- " + many(
        "{count} training I may write to you about, with the language you read",
        "{count} trainings I may write to you about, with the language you read",
        count,
    )
