"""The words of a vote."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from bot.chat.texts import listed
from bot.language import many, say
from bot.studio.ballot_screens import BallotColumn


class Button(StrEnum):
    SAYS = "What does Likeness say?"
    EXTEND = "One more hour"
    CLOSE = "Close now"
    BEFORE = "Previous column"
    AFTER = "Next column"
    BLIND = "Vote: blind"
    OPEN = "Vote: open"
    OFF = "Vote: off"


class Pick(StrEnum):
    COLUMN = "Look at one column..."
    WINNER = "Make it the winner..."


def title(subject: str) -> str:
    return "### " + say("Which {subject} is best?", subject=subject)


def how() -> str:
    return say(
        "React with the letter of a column; several are fine. Every column shows the same prompts with the same seeds."
    )


def closes(unix: int) -> str:
    return say("Closes {when}.", when=f"<t:{unix}:R>")


def rules(blind: bool) -> str:
    said = say(
        "A tie goes to the better score, then to whoever brought the photos. If nobody votes, I take the one I would suggest."
    )
    if blind:
        said = f"{say('The columns are shuffled, the same way for everybody.')} {said}"
    return f"-# {said}"


def anew() -> str:
    return "-# " + say("The first message of this vote was deleted. What was voted there still counts.")


def column(letter: str) -> str:
    return say("Column {letter}", letter=letter)


def base() -> str:
    return say("The base, without anything learnt")


def named(shown: BallotColumn) -> str:
    """As a menu or the head of a column says it."""
    if shown.epoch is None:
        return column(shown.letter)
    return say("Column {letter}, epoch {epoch}", letter=shown.letter, epoch=shown.epoch)


def vote_for(emoji: str) -> str:
    return "-# " + say("If you like it, react with {emoji} under the vote.", emoji=emoji)


def ranking(columns: Sequence[tuple[str, BallotColumn]]) -> str:
    """(emoji, column), as they should stand. Epochs where they may be named."""
    return " · ".join(
        f"**{said}**" if shown.wins else said for emoji, shown in columns for said in [_got(emoji, shown)]
    )


def _got(emoji: str, shown: BallotColumn) -> str:
    count = shown.votes or 0
    if shown.epoch is None:
        return f"{emoji} " + many("{count} vote", "{count} votes", count)
    said = many("epoch {epoch}, {count} vote", "epoch {epoch}, {count} votes", count, epoch=shown.epoch)
    return f"{emoji} {said}"


def voters(count: int) -> str:
    return many("{count} member voted.", "{count} members voted.", count)


def decided_by(member_id: int) -> str:
    return say("Decided by {member}.", member=f"<@{member_id}>")


def level(letters: Sequence[str], votes: int) -> str:
    return many(
        "{letters} are level, with {count} vote each, and their scores are too.",
        "{letters} are level, with {count} votes each, and their scores are too.",
        votes,
        letters=listed(tuple(letters)),
    )


def owner_decides(unix: int) -> str:
    return say("Whoever brought the photos decides, until {when}.", when=f"<t:{unix}:R>")


def please_decide(owner_id: int, unix: int) -> str:
    return say(
        "{owner}, which one is it? Without an answer it is decided {when}: the one I would suggest if it is among them, "
        "else the earlier epoch.",
        owner=f"<@{owner_id}>",
        when=f"<t:{unix}:R>",
    )


def tie_title(subject: str) -> str:
    return "### " + say("{subject}: a tie", subject=subject)


def take(letter: str) -> str:
    return say("Take {letter}", letter=letter)


def asked() -> str:
    return say("It is a tie, also in score: whoever brought the photos is asked to decide.")


def chosen(name: str) -> str:
    return say("{name} it is. The announcement follows.", name=name)


def votes_hidden() -> str:
    return say(
        "I cannot see the reactions: this message was deleted, or I may not read this channel's history. "
        "A new message follows if this one is gone."
    )


def winner_title(name: str) -> str:
    return "### " + say("{name} is here", name=name)


def winner_call(owner_id: int) -> str:
    return say("{owner}, it is ready.", owner=f"<@{owner_id}>")


def winner_use(trigger: str, try_it: str) -> str:
    return say("Bring it in with **{trigger}**: {command}", trigger=trigger, command=f"`/imagine {try_it}`")


def winner_next() -> str:
    return "-# " + say("/loras shares it, renames it, and says what else can be done with it.")


def vote_fact(wants_vote: bool, blind: bool) -> str:
    """On the confirm card."""
    if not wants_vote:
        return say("The best epoch is taken without a vote.")
    if blind:
        return say("Everybody here votes on the result, without knowing which epoch is which.")
    return say("Everybody here votes on the result, with epochs and scores in view.")
