"""The engine's own errors.

EngineError
├── BadInput        the job cannot be done as asked: the message is a sentence for the member
├── BaseUnavailable the base model is missing or unreadable: the message says where it was looked for and what to do
├── Diverged        the loss is not a number any more
└── EngineGone      the child process is not there
"""

from __future__ import annotations


class EngineError(Exception):
    """Any failure the engine can name."""


class BadInput(EngineError):
    """The job cannot be done as asked."""


class BaseUnavailable(EngineError):
    """The base model is missing or unreadable."""


class Diverged(EngineError):
    """The loss is not a number any more."""


class EngineGone(EngineError):
    """The engine's process is not there."""
