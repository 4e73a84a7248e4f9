"""What a press, a form or a command asks of the bot, and what the bot answers: callbacks, edits, follow-ups."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.wire.board import APPLICATION_ID, EPHEMERAL, Board, Files, Payload, Refused

COMMAND, COMPONENT, COMPLETION, MODAL = 2, 3, 4, 5
MESSAGE, DEFERRED, DEFERRED_UPDATE, CHOICES, FORM = 4, 5, 6, 8, 9

UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
ANSWERED = (400, 40060, "Interaction has already been acknowledged.")


@dataclass
class Asked:
    """One interaction, as the member sees what becomes of it."""

    id: str
    token: str
    channel_id: str
    message_id: str | None
    """What was pressed, or what a form was opened from."""
    kind: int = COMMAND
    about: str = ""
    """The command, or the verb of what was pressed or sent."""
    first: int | None = None
    """The kind of the first answer."""
    form: Payload | None = None
    choices: list[Payload] | None = None
    answer: Payload | None = None
    """Seen by this member alone."""
    followups: list[Payload] = field(default_factory=list[Payload])

    @property
    def said(self) -> list[str]:
        return [m["content"] for m in (self.answer, *self.followups) if m is not None and m["content"]]


class Interactions:
    def __init__(self, board: Board) -> None:
        self.board = board
        self.asked: dict[str, Asked] = {}

    def new(self, channel_id: str, message_id: str | None = None) -> Asked:
        id = self.board.new_id()
        asked = self.asked[id] = Asked(id, f"token-{id}", channel_id, message_id)
        return asked

    def callback(self, interaction_id: str, token: str, body: Payload, files: Files) -> Payload:
        asked = self.asked.get(interaction_id)
        if asked is None or asked.token != token:
            raise Refused(*UNKNOWN_INTERACTION)
        if asked.first is not None:
            raise Refused(*ANSWERED)
        asked.first, data = body["type"], body.get("data") or {}
        told: Payload = {"id": asked.id, "type": asked.kind}
        if asked.first in (MESSAGE, DEFERRED):
            asked.answer = self._private(asked, data, files)
            told |= {
                "response_message_id": asked.answer["id"],
                "response_message_loading": asked.first == DEFERRED,
                "response_message_ephemeral": True,
            }
        elif asked.first == FORM:
            asked.form = data
        elif asked.first == CHOICES:
            asked.choices = data["choices"]
        elif asked.first == DEFERRED_UPDATE:
            self.board.message(asked.channel_id, asked.message_id or "")
        resource = {"resource": {"type": MESSAGE, "message": asked.answer}} if asked.first == MESSAGE else {}
        return {"interaction": told, **resource}

    def follow_up(self, token: str, body: Payload, files: Files) -> Payload:
        asked = self._by(token)
        made = self._private(asked, body, files)
        asked.followups.append(made)
        return made

    def edit_original(self, token: str, body: Payload, files: Files) -> Payload:
        asked = self._by(token)
        if asked.answer is not None:
            self.board.fill(asked.answer, body, files)
            return asked.answer
        return self.board.edit(asked.channel_id, asked.message_id or "", body, files)

    def delete_original(self, token: str) -> None:
        asked = self._by(token)
        if asked.answer is None:
            self.board.delete(asked.channel_id, asked.message_id or "")
        asked.answer = None

    def _by(self, token: str) -> Asked:
        for asked in self.asked.values():
            if asked.token == token and asked.first is not None:
                return asked
        raise Refused(404, 10015, "Unknown Webhook")

    def _private(self, asked: Asked, body: Payload, files: Files) -> Payload:
        if not (body.get("flags") or 0) & EPHEMERAL:
            raise Refused(501, 0, "This Discord knows only answers for one member's eyes")
        return self.board.compose(asked.channel_id, body, files) | {"application_id": APPLICATION_ID}
