"""What storage refuses, said to a member: what happened, what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from bot.errors import NotFound, Taken, UserError
from bot.language import say
from storage.errors import (
    BallotClosed,
    BlobMissing,
    DiskFull,
    KeyForgotten,
    NameTaken,
    NoSuchRow,
    NotOnBallot,
    WrongState,
)

P = ParamSpec("P")
T = TypeVar("T")


def gone(noun: str) -> str:
    """What to say of a row that is not there; `noun` is storage's."""
    match noun:
        case "dataset":
            return say("This set of photos is not here any more. Start again with /train.")
        case "photo":
            return say("There is no photo with that number in this set. Choose one of those on the sheet.")
        case "ballot":
            return say("This vote is not here any more. /loras shows what has been learnt.")
        case "job":
            return say("That request is not here any more. /queue shows those there are.")
        case "run":
            return say("That training is not here any more. /queue shows those there are, /train begins a new one.")
        case "subject" | "consent":
            return say("That is not here any more: it was forgotten. /privacy shows what is kept.")
        case "report":
            return say("That report is not here any more: there is nothing left to decide.")
        case "LoRA":
            return say("That LoRA is not here any more. /loras lists those there are.")
        case _:
            return say("That is not here any more. /loras and /queue show what there is.")


def told(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Turns refusals of the storage room into UserErrors; everything else passes."""

    @wraps(method)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except NoSuchRow as error:
            raise NotFound(gone(error.noun)) from error
        except (KeyForgotten, BlobMissing) as error:
            raise NotFound(
                say("That was deleted, so it cannot be shown any more. /loras and /gallery show what is kept.")
            ) from error
        except NameTaken as error:
            raise Taken(say("That word is taken on this server. Choose another.")) from error
        except (BallotClosed, NotOnBallot) as error:
            raise UserError(say("This vote is over; the winner stands.")) from error
        except WrongState as error:
            raise UserError(
                say("That step is over: it has moved on since. What stands here now is on its card, and in /queue.")
            ) from error
        except DiskFull as error:
            raise UserError(
                say("The disk of this bot's machine is full, so nothing was kept. Tell its owner, then try again.")
            ) from error

    return answered
