"""What a base asks for and what the engine had to do differently are read on the cards."""

from __future__ import annotations

from dataclasses import replace

from bot.chat import cards
from bot.studio.screens import ConfirmCard, PresetChoice, Screen, StatusCard
from tests.judge.judge import walk

CONFIRM = ConfirmCard(
    1, "Ann", "ohwx", "woman", 12, (PresetChoice("quick", "Quick", "2 min"),), "quick", "me", True, "next in line",
    terms="The base is noob: Fair AI, no commercial use.", waits="It waits for the owner.",
)  # fmt: skip
STATUS = StatusCard(
    1, "Ann", "training", "Training epoch 1 of 8.", 0, 0.1, 0, 8, (), None, True, True,
    "Memory is short: 2 of 4 pictures at a time. Slower, with the same result.",
)  # fmt: skip


def read(screen: Screen) -> str:
    parts = walk([piece.to_component_dict() for piece in cards.draw(screen).pieces])
    return "\n".join(part["content"] for part in parts if "content" in part)


def test_the_terms_of_the_base_stand_small_before_what_it_waits_for() -> None:
    text = read(CONFIRM)
    assert "-# The base is noob: Fair AI, no commercial use." in text
    assert text.index("Fair AI") < text.index("It waits for the owner.")
    assert "-# " not in read(replace(CONFIRM, terms=""))


def test_what_happened_stands_on_the_status_card_until_the_end() -> None:
    assert f"-# {STATUS.happened}" in read(STATUS)
    assert "-# " not in read(replace(STATUS, happened=""))
    assert "Memory" not in read(replace(STATUS, state="published"))
