"""The coaching card: what to expect of the photos, and what would make it better, each with its presses."""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.chat import coaching_texts as texts
from bot.chat.layout import Colour, Drawn, Piece, button, escape, row, words
from bot.studio.coaching import Deed, Finding, Grade
from bot.studio.dataset_screens import CoachingCard
from bot.studio.screens import Reading

FIRST = 3
"""Said of single photos while others are read; and one thing of all of them, which more photos would mend."""
FINDINGS = 6
"""Shown at once: each takes up to five of a message's 40 components, and more than six is no advice any more."""


def coaching(screen: CoachingCard) -> Drawn:
    id = screen.dataset_id
    pieces: list[Piece] = [words(texts.title(escape(screen.subject)), texts.grade(screen))]
    if screen.settled:
        return Drawn([*pieces, words(texts.settled())], Colour.QUIET)
    for finding in screen.findings[:FINDINGS]:
        pieces.append(words(texts.sentence(finding, screen.kind)))
        pieces.append(row(*(_press(finding, n, id) for n in range(len(finding.acts)))))
    if not screen.findings:
        pieces.append(words(texts.all_well()))
    if len(screen.findings) > FINDINGS:
        pieces.append(words(texts.more_follow(len(screen.findings) - FINDINGS)))
    if screen.undo is not None:
        pieces.append(row(button(texts.Button.UNDO, "coach.undo", id, screen.undo)))
    colour = Colour.ASKING if screen.findings else Colour.DONE if screen.grade >= Grade.GOOD else Colour.QUIET
    return Drawn(pieces, colour, silent=True)


def so_far(screen: Reading) -> list[Piece]:
    """Under the bar of a reading. The one press there is asks for more photos, which may come at any time: what leaves a
    photo out waits until all are read."""
    said = [texts.left_out(screen.out, tuple(escape(reason) for reason in screen.reasons))] if screen.out else []
    more = [finding for finding in screen.findings if finding.acts[0].deed is Deed.MORE]
    found = [finding for finding in screen.findings if finding not in more][:FIRST] + more[:1]
    said += [texts.early(finding, screen.kind) for finding in found]
    if not said:
        return []
    pieces: list[Piece] = [words("\n".join(f"- {one}" for one in said), texts.rest_follows())]
    if more:
        pieces.append(row(button(texts.Button.MORE, "photos.more", screen.dataset_id, "early")))
    return pieces


def _press(finding: Finding, place: int, id: int) -> ui.Button[Any]:
    act = finding.acts[place]
    label = texts.label(finding, act)
    if act.deed is Deed.MORE:
        # The argument is not read: custom ids of one message must differ.
        return button(label, "photos.more", id, finding.matter.value, style=ButtonStyle.primary)
    style = ButtonStyle.primary if place == 0 and act.deed is not Deed.KEEP else ButtonStyle.secondary
    return button(label, "coach.do", id, f"{finding.matter.value}.{act.key}", style=style)
