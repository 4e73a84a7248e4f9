"""Not collected by itself: a test that passes, and a product that tells of somebody while it does."""

from __future__ import annotations

import logging


def test_it_passes() -> None:
    logging.getLogger("bot.studio").warning("painting: a portrait of somebody by the sea")
