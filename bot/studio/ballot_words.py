"""The sentences of a vote that follow from its rows: how it ended, and what the engine would take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.language import many, say
from bot.studio.hearsay import retell
from engine.scores.worth import Scored, paid_most
from storage.states import Decided


def result(how: Decided, winner: int, tally: Mapping[int, int], suggested: int | None) -> str:
    """One sentence; who decided is said beside it."""
    cast, got = sum(tally.values()), tally.get(winner, 0)
    match how:
        case Decided.NOBODY:
            return say("Nobody voted, so epoch {epoch} wins: it is what the engine suggested.", epoch=winner)
        case Decided.HAND:
            return many(
                "Epoch {epoch} was chosen by hand; it had {got} of {count} vote.",
                "Epoch {epoch} was chosen by hand; it had {got} of {count} votes.",
                cast,
                epoch=winner,
                got=got,
            )
        case Decided.VOTES:
            return many(
                "Epoch {epoch} wins, {got} of {count} vote.",
                "Epoch {epoch} wins, {got} of {count} votes.",
                cast,
                epoch=winner,
                got=got,
            )
        case Decided.SCORE:
            return say(
                "Epoch {epoch} wins with {got} of {count} votes: a tie, so the better score decides.",
                epoch=winner,
                got=got,
                count=cast,
            )
        case Decided.OWNER:
            return say(
                "Epoch {epoch} wins with {got} of {count} votes: a tie, also in score, so its owner was asked.",
                epoch=winner,
                got=got,
                count=cast,
            )
        case Decided.RULE:
            if winner == suggested:
                return say(
                    "Epoch {epoch} wins with {got} of {count} votes: a tie that nobody broke in time, so the engine's "
                    "suggestion decides.",
                    epoch=winner,
                    got=got,
                    count=cast,
                )
            return say(
                "Epoch {epoch} wins with {got} of {count} votes: a tie that nobody broke in time, so the earlier one wins.",
                epoch=winner,
                got=got,
                count=cast,
            )


def blind_reason(score: Scored | None) -> str:
    """Why the engine would take it, in words that fit no epoch's post: no number, neither earlier nor later."""
    if score is None or score.likeness is None:
        return say("There is nothing to measure it with on this base, so trust your own eyes.")
    match paid_most(score):
        case "fidelity":
            return say(
                "It looks most like the photos for what it gives up: it follows prompts less well than the base."
            )
        case "memorising":
            return say("It looks most like the photos for what it gives up: now and then it repeats one of them.")
        case "bleed":
            return say("It looks most like the photos for what it gives up: others of its kind come to look like it.")
        case _:
            return say("It looks most like the photos and still follows prompts.")


def suggestion(letter: str, reason: str) -> str:
    """Where epochs may be named; the reason does."""
    return say("The engine's own reading ({letter}): {reason}", letter=letter, reason=retell(reason))


def advice(mine: Sequence[str], letter: str, score: Scored | None) -> str:
    """To somebody who voted, while no epoch may be named."""
    took, reason = ", ".join(mine), blind_reason(score)
    if letter in mine:
        return say("You took {mine}, and I would take {letter} too. {reason}", mine=took, letter=letter, reason=reason)
    return say("You took {mine}. I would take {letter}. {reason}", mine=took, letter=letter, reason=reason)
