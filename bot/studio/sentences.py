"""What storage refuses, said to a member: what happened, what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from bot.errors import NotFound, Taken, UserError
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

GONE = {
    "dataset": "This set of photos is not here any more. Start again with /train.",
    "photo": "There is no photo with that number in this set.",
    "ballot": "This vote is not here any more.",
    "job": "That request is not here any more.",
    "run": "That training is not here any more.",
    "subject": "That is not here any more: it was forgotten.",
    "consent": "That is not here any more: it was forgotten.",
    "report": "That report is not here any more.",
    "LoRA": "That LoRA is not here any more. /loras lists those there are.",
}


def told(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Turns refusals of the storage room into UserErrors; everything else passes."""

    @wraps(method)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except NoSuchRow as error:
            raise NotFound(GONE.get(error.noun, "That is not here any more.")) from error
        except (KeyForgotten, BlobMissing) as error:
            raise NotFound("That was deleted, so it cannot be shown any more.") from error
        except NameTaken as error:
            raise Taken("That word is taken on this server. Choose another.") from error
        except (BallotClosed, NotOnBallot) as error:
            raise UserError("This vote is over; the winner stands.") from error
        except WrongState as error:
            raise UserError(f"That step is over: this {error.noun} is {error.old} by now.") from error
        except DiskFull as error:
            raise UserError(
                "The disk of this bot's machine is full, so nothing was kept. Tell its owner, then try again."
            ) from error

    return answered
