"""Errors a person sees.

UserError        a sentence for the member: what happened, what to do. Shown as it is.
├── NotAllowed   the member may not do this; says who may
├── NotFound     what was asked for is not here (any more)
└── Taken        a name or trigger word is in use

Anything else reaches the member as a reference id and the owner as a traceback.
"""

from __future__ import annotations


class UserError(Exception):
    """A sentence for the member: what happened, what to do."""


class NotAllowed(UserError):
    """The member may not do this."""


class NotFound(UserError):
    """What was asked for is not here."""


class Taken(UserError):
    """A name or a trigger word is in use."""
