"""The cards around consent: whose face it is, and the question to whoever it is."""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.chat import people_texts as texts
from bot.chat.customid import custom_id
from bot.chat.layout import Colour, Drawn, Piece, button, escape, row, words
from bot.chat.people_texts import Button, Pick
from bot.language import label
from bot.studio.people_screens import ConsentCard, PersonCard


def person(screen: PersonCard) -> Drawn:
    """Pings the one who brought the photos when there is an answer."""
    subject, member = escape(screen.subject), screen.member_id or 0
    match screen.state:
        case "open":
            return Drawn([words(texts.whose_face(subject)), _members(screen.subject_id)], Colour.ASKING)
        case "asked":
            return Drawn([words(texts.was_asked(subject, member)), _members(screen.subject_id)], Colour.WORKING)
        case "given":
            text = texts.has_allowed(subject, screen.owner_id, member)
            return Drawn([words(text)], Colour.DONE, mentions=(screen.owner_id,))
        case _:
            return Drawn([words(texts.took_back(subject, member))], Colour.QUIET)


def consent(screen: ConsentCard) -> Drawn:
    id, member = screen.subject_id, screen.member_id
    match screen.state:
        case "asked":
            pieces: list[Piece] = [
                words(texts.consent_question(member, screen.owner_id), texts.consent_terms()),
                row(
                    # The member's id lets a form be refused to others before it opens; the answer is checked again.
                    button(Button.ALLOW, "consent.allow", id, member, style=ButtonStyle.success),
                    button(Button.NO, "consent.no", id, member, style=ButtonStyle.danger),
                ),
            ]
            return Drawn(pieces, Colour.ASKING, mentions=(member,))
        case "given":
            return Drawn(
                [words(texts.consent_given(member)), row(button(Button.TAKE_BACK, "consent.revoke", id, member))],
                Colour.DONE,
            )
        case "refused":
            return Drawn(
                [words(texts.consent_refused(screen.owner_id, member))], Colour.QUIET, mentions=(screen.owner_id,)
            )
        case _:
            forget = button(Button.FORGET, "subject.forget", id, style=ButtonStyle.danger)
            return Drawn([words(texts.consent_revoked(member)), row(forget)], Colour.QUIET)


def _members(subject_id: int) -> Piece:
    menu: ui.UserSelect[Any] = ui.UserSelect(
        custom_id=custom_id("person.choose", subject_id), placeholder=label(Pick.WHOSE_FACE)
    )
    return ui.ActionRow(menu)
