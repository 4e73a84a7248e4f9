"""The loopback Discord refuses what Discord refuses: a server that took everything would prove nothing."""

from __future__ import annotations

import pytest

from tests.wire.board import CHANNEL_ID, EPHEMERAL, Board, Payload, Refused, digest, texts
from tests.wire.interactions import DEFERRED, DEFERRED_UPDATE, FORM, MESSAGE, Asked, Interactions

TEXT: Payload = {"flags": 1 << 15, "components": [{"type": 17, "components": [{"type": 10, "content": "hello"}]}]}
PICTURE: Payload = {
    "attachments": [{"id": 0, "filename": "a.png", "description": "a grid"}],
    "components": [{"type": 12, "items": [{"media": {"url": "attachment://a.png"}, "description": "a grid"}]}],
}


@pytest.fixture
def board() -> Board:
    return Board("http://here")


def refused(code: int) -> pytest.RaisesExc[Refused]:
    return pytest.RaisesExc(Refused, check=lambda error: error.body["code"] == code)


def test_the_same_nonce_is_the_same_message_until_it_is_forgotten(board: Board) -> None:
    body = {**TEXT, "nonce": "7", "enforce_nonce": True}
    first = board.post(CHANNEL_ID, body, {})
    assert board.post(CHANNEL_ID, body, {}) is first and len(board.posted) == 1
    board.nonces.clear()
    assert board.post(CHANNEL_ID, body, {})["id"] > first["id"] and len(board.posted) == 2
    assert board.post(CHANNEL_ID, {**body, "enforce_nonce": False}, {})["id"] != first["id"]


def test_messages_and_channels_that_are_gone_are_unknown(board: Board) -> None:
    message = board.post(CHANNEL_ID, TEXT, {})
    board.delete(CHANNEL_ID, message["id"])
    with refused(10008):
        board.edit(CHANNEL_ID, message["id"], TEXT, {})
    thread = board.open_thread(CHANNEL_ID, {"name": "room", "type": 12, "auto_archive_duration": 60})
    board.close_channel(thread["id"])
    with refused(10003):
        board.post(thread["id"], TEXT, {})
    assert len(board.posted) == 1, "what was deleted was posted all the same"


def test_files_are_kept_and_components_are_numbered_and_linked(board: Board) -> None:
    message = board.post(CHANNEL_ID, PICTURE, {"files[0]": ("a.png", b"png")})
    (attachment,), (gallery,) = message["attachments"], message["components"]
    assert gallery["id"] and gallery["items"][0]["media"]["url"] == attachment["url"]
    assert digest(board.content(attachment)) == digest(b"png")
    board.edit(CHANNEL_ID, message["id"], {"components": TEXT["components"], "attachments": []}, {})
    assert list(texts(message)) == ["hello"] and message["attachments"] == []


def test_history_is_newest_first_and_pages(board: Board) -> None:
    ids = [board.post(CHANNEL_ID, TEXT, {})["id"] for _ in range(5)]
    assert [m["id"] for m in board.history(CHANNEL_ID, 2, None)] == ids[:2:-1]
    assert [m["id"] for m in board.history(CHANNEL_ID, 50, ids[2])] == [ids[1], ids[0]]


def test_twenty_reactions_and_no_more(board: Board) -> None:
    message = board.post(CHANNEL_ID, TEXT, {})["id"]
    for n in range(20):
        assert board.react(CHANNEL_ID, message, chr(0x1F600 + n), "1")
    assert not board.react(CHANNEL_ID, message, chr(0x1F600), "1")
    with refused(30010):
        board.react(CHANNEL_ID, message, "x", "1")


def answered(interactions: Interactions, asked: Asked, kind: int, data: Payload | None = None) -> Payload:
    return interactions.callback(asked.id, asked.token, {"type": kind, "data": data or {}}, {})


def test_an_interaction_is_answered_once_and_by_its_own_token(board: Board) -> None:
    interactions = Interactions(board)
    asked = interactions.new(CHANNEL_ID)
    with refused(10015):
        interactions.follow_up(asked.token, {"content": "too early", "flags": EPHEMERAL}, {})
    with refused(10062):
        interactions.callback(asked.id, "another", {"type": DEFERRED}, {})
    told = answered(interactions, asked, DEFERRED, {"flags": EPHEMERAL})
    assert told["interaction"]["response_message_loading"]
    with refused(40060):
        answered(interactions, asked, DEFERRED, {"flags": EPHEMERAL})
    interactions.edit_original(asked.token, {"content": "done"}, {})
    assert asked.said == ["done"] and board.posted == []


def test_a_press_changes_its_message_and_a_form_is_handed_over(board: Board) -> None:
    interactions, message = Interactions(board), board.post(CHANNEL_ID, TEXT, {})
    pressed = interactions.new(CHANNEL_ID, message["id"])
    answered(interactions, pressed, DEFERRED_UPDATE)
    interactions.edit_original(pressed.token, PICTURE, {"files[0]": ("a.png", b"png")})
    assert message["attachments"] and message["edited_timestamp"]
    interactions.delete_original(pressed.token)
    with refused(10008):
        interactions.edit_original(pressed.token, TEXT, {})
    opened = interactions.new(CHANNEL_ID)
    answered(interactions, opened, FORM, {"custom_id": "f", "components": []})
    assert opened.form == {"custom_id": "f", "components": []}
    public = interactions.new(CHANNEL_ID)
    with refused(0):
        answered(interactions, public, MESSAGE, {"content": "for everybody"})
