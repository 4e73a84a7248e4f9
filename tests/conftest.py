"""For every test: what the bot sent to the in-process Discord is judged by Discord's own schema (tests/judge)."""

from tests.judge.capture import requests_judged

__all__ = ["requests_judged"]
