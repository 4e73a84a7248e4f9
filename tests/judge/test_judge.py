"""The judge itself: it must refuse what Discord refuses. Otherwise its silence means nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.judge.capture import verdict
from tests.judge.judge import Judge, Request, judge, own_problems

MESSAGES = "/channels/123456789012345678/messages"
CALLBACK = "/interactions/123456789012345678/token/callback"
COMMANDS = "/applications/123456789012345678/commands"


@pytest.fixture
def schema() -> Judge:
    found = judge()
    if found is None:
        pytest.skip("discord-openapi.json is not here: set LIKENESS_DISCORD_OPENAPI to a copy of Discord's OpenAPI")
    return found


def button(**changes: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Start", "custom_id": "lk1:set.start:1", **changes}


def rows(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"flags": 1 << 15, "components": [{"type": 1, "components": list(buttons)}]}


def menu(count: int) -> dict[str, Any]:
    options = [{"label": str(n), "value": str(n)} for n in range(count)]
    return rows({"type": 3, "custom_id": "lk1:crop.fix:1", "options": options})


def upload(**changes: Any) -> dict[str, Any]:
    return label({"type": 19, "custom_id": "photos", "max_values": 10, "required": False, **changes})


def label(component: dict[str, Any], text: str = "Photos", **more: Any) -> dict[str, Any]:
    return {"type": 18, "label": text, "component": component, **more}


def text_input(custom_id: str = "name") -> dict[str, Any]:
    return {"type": 4, "style": 1, "custom_id": custom_id}


def modal(*parts: dict[str, Any], title: str = "Train") -> dict[str, Any]:
    return {"type": 9, "data": {"custom_id": "lk1:train.send:1", "title": title, "components": list(parts)}}


def gallery(count: int) -> dict[str, Any]:
    items = [{"media": {"url": f"https://example.org/{n}.png"}, "description": "a grid"} for n in range(count)]
    return {"flags": 1 << 15, "components": [{"type": 12, "items": items}]}


def text(content: str) -> dict[str, Any]:
    return {"type": 10, "content": content}


def v2(*components: dict[str, Any]) -> dict[str, Any]:
    return {"flags": 1 << 15, "components": list(components)}


def poll(**changes: Any) -> dict[str, Any]:
    made = {"question": {"text": "Which?"}, "answers": [{"poll_media": {"text": "6"}}], "duration": 1}
    return {"poll": {**made, **changes}}


def command(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "train", "description": "Teach me", "type": 1, **changes}]


GOOD = {
    "message": Request("POST", MESSAGES, {"content": "hello", "nonce": "7", "enforce_nonce": True}),
    "buttons": Request("POST", MESSAGES, rows(button())),
    "a direct message asked for": Request("POST", "/users/@me/channels", {"recipient_id": 1}, asked=True),
    "menu": Request("POST", MESSAGES, menu(25)),
    "gallery": Request("POST", MESSAGES, gallery(10)),
    "poll": Request("POST", MESSAGES, poll()),
    "modal": Request("POST", CALLBACK, modal(label(text_input(), "Name"), upload())),
    "deferred": Request("POST", CALLBACK, {"type": 5, "data": {"flags": 64}}),
    "commands": Request("PUT", COMMANDS, command(nsfw=False)),
    "edit": Request("PATCH", "/webhooks/1/token/messages/@original", {"content": "done", "tts": False}),
    "files": Request(
        "POST",
        MESSAGES,
        {"attachments": [{"id": 0, "filename": "0-grid.png", "description": "a grid"}]},
        (("files[0]", "0-grid.png", 3),),
    ),
    "reaction": Request("PUT", f"{MESSAGES}/5/reactions/x/@me"),
}

BAD_BY_SCHEMA = {
    "six buttons in a row": Request("POST", MESSAGES, rows(*(button(custom_id=f"lk1:a:{n}") for n in range(6)))),
    "a label of 81": Request("POST", MESSAGES, rows(button(label="x" * 81))),
    "a custom_id of 101": Request("POST", MESSAGES, rows(button(custom_id="x" * 101))),
    "26 options": Request("POST", MESSAGES, menu(26)),
    "26 options of a command": Request(
        "PUT",
        COMMANDS,
        command(options=[{"type": 3, "name": f"o{n}", "description": "x"} for n in range(26)]),
    ),
    "26 completions": Request(
        "POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "x", "value": str(n)} for n in range(26)]}}
    ),
    "11 pictures in a gallery": Request("POST", MESSAGES, gallery(11)),
    "11 attachments": Request(
        "POST", MESSAGES, {"attachments": [{"id": str(n), "filename": f"{n}.png"} for n in range(11)]}
    ),
    "11 embeds": Request("POST", MESSAGES, {"embeds": [{"title": "x"}] * 11}),
    "content of 4001": Request("POST", MESSAGES, {"content": "x" * 4001}),
    "11 answers": Request("POST", MESSAGES, poll(answers=[{"poll_media": {"text": "x"}}] * 11)),
    "half an hour": Request("POST", MESSAGES, poll(duration=0.5)),
    "a section without accessory": Request("POST", MESSAGES, v2({"type": 9, "components": [text("x")]})),
    "a title of 46": Request("POST", CALLBACK, modal(label(text_input(), "Name"), title="x" * 46)),
    "an upload of 11": Request("POST", CALLBACK, modal(upload(max_values=11))),
    "a form label of 46": Request("POST", CALLBACK, modal(label(text_input(), "x" * 46))),
    "a form description of 101": Request("POST", CALLBACK, modal(label(text_input(), "x", description="x" * 101))),
    "a command description of 101": Request("PUT", COMMANDS, command(description="x" * 101)),
    "an unknown callback": Request("POST", CALLBACK, {"type": 42}),
    "an unknown field": Request("POST", MESSAGES, {"content": "x", "colour": "red"}),
    "an unknown field deep inside": Request("POST", MESSAGES, rows(button(colour="red"))),
    "an unknown path": Request("POST", "/channels/1/shouts", {"content": "x"}),
    "an unknown method": Request("PUT", MESSAGES, {"content": "x"}),
    "an allowed field elsewhere": Request("POST", MESSAGES, {"content": "x", "nsfw": True}),
    "no body": Request("POST", MESSAGES),
    "a nonce of 26": Request("POST", MESSAGES, {"content": "x", "nonce": "9" * 26}),
}

BAD_BY_OUR_RULES = {
    "one custom_id twice": Request("POST", MESSAGES, rows(button(), button())),
    "41 components": Request("POST", MESSAGES, v2(*(text("x") for _ in range(41)))),
    "content of 2001": Request("POST", MESSAGES, {"content": "x" * 2001}),
    "text of 4001": Request("POST", MESSAGES, v2(text("x" * 2000), text("x" * 2001))),
    "embeds of 6001": Request("POST", MESSAGES, {"embeds": [{"description": "x" * 3001}, {"description": "x" * 3000}]}),
    "an answer of 56": Request("POST", MESSAGES, poll(answers=[{"poll_media": {"text": "x" * 56}}])),
    "six parts": Request("POST", CALLBACK, modal(*(label(text_input(f"t{n}"), "x") for n in range(6)))),
    "required and nothing": Request("POST", CALLBACK, modal(upload(required=True, min_values=0))),
    "a name in capitals": Request("PUT", COMMANDS, command(name="Train")),
    "content beside V2": Request("POST", MESSAGES, {**v2(text("x")), "content": "x"}),
    "V2 without its flag": Request("POST", MESSAGES, {"flags": 0, "components": [text("x")]}),
    "a component id twice": Request("POST", MESSAGES, v2({**text("x"), "id": 7}, {**text("y"), "id": 7})),
    "an empty row": Request("POST", MESSAGES, v2({"type": 1, "components": []})),
    "no alt text": Request("POST", MESSAGES, v2({"type": 12, "items": [{"media": {"url": "https://e.org/x.png"}}]})),
    "a picture that is not there": Request(
        "POST", MESSAGES, v2({"type": 12, "items": [{"media": {"url": "attachment://a.png"}, "description": "x"}]})
    ),
    "a file of 11 MiB": Request(
        "POST",
        MESSAGES,
        {"attachments": [{"id": 0, "filename": "a.png"}]},
        (("files[0]", "a.png", 11 * 1024 * 1024),),
    ),
    "27 MiB in all": Request(
        "POST",
        MESSAGES,
        {"attachments": [{"id": n, "filename": f"{n}.png"} for n in range(3)]},
        tuple((f"files[{n}]", f"{n}.png", 9 * 1024 * 1024) for n in range(3)),
    ),
    "a label of 81": BAD_BY_SCHEMA["a label of 81"],
    "a custom_id of 101": BAD_BY_SCHEMA["a custom_id of 101"],
    "26 options": BAD_BY_SCHEMA["26 options"],
    "11 pictures in a gallery": BAD_BY_SCHEMA["11 pictures in a gallery"],
    "11 attachments": BAD_BY_SCHEMA["11 attachments"],
    "a title of 46": BAD_BY_SCHEMA["a title of 46"],
    "a form label of 46": BAD_BY_SCHEMA["a form label of 46"],
    "a form description of 101": BAD_BY_SCHEMA["a form description of 101"],
    "one value twice": Request(
        "POST",
        MESSAGES,
        rows({**menu(1)["components"][0]["components"][0], "options": [{"label": "a", "value": "1"}] * 2}),
    ),
    "an option of 101": Request(
        "POST",
        MESSAGES,
        rows({**menu(1)["components"][0]["components"][0], "options": [{"label": "x" * 101, "value": "1"}]}),
    ),
    "three of two": Request("POST", MESSAGES, rows({**menu(2)["components"][0]["components"][0], "max_values": 3})),
    "two menus in a row": Request(
        "POST", MESSAGES, rows(*(menu(n)["components"][0]["components"][0] | {"custom_id": f"m{n}"} for n in (1, 2)))
    ),
    "a button that does nothing": Request("POST", MESSAGES, rows({"type": 2, "style": 1, "label": "x"})),
    "a direct message nobody asked for": Request("POST", "/users/@me/channels", {"recipient_id": "1"}),
    "a file by another name": Request(
        "POST", MESSAGES, {"attachments": [{"id": 0, "filename": "a.png"}]}, (("files[0]", "b.png", 1),)
    ),
}


@pytest.mark.parametrize("request_", GOOD.values(), ids=GOOD)
def test_takes_what_discord_takes(schema: Judge, request_: Request) -> None:
    assert verdict(request_) == []


@pytest.mark.parametrize("request_", BAD_BY_SCHEMA.values(), ids=BAD_BY_SCHEMA)
def test_discords_schema_refuses(schema: Judge, request_: Request) -> None:
    assert schema.problems(request_)


@pytest.mark.parametrize("request_", BAD_BY_OUR_RULES.values(), ids=BAD_BY_OUR_RULES)
def test_our_own_rules_refuse(request_: Request) -> None:
    assert own_problems(request_)


@pytest.mark.parametrize(
    ("status", "body", "wrong"),
    [
        (200, {"id": "1", "username": "likeness"}, "required"),
        (201, {}, "answered with 201"),
        (200, None, "not of type"),
    ],
)
def test_an_answer_discord_would_not_give(schema: Judge, status: int, body: Any, wrong: str) -> None:
    problems = schema.answer_problems(Request("GET", "/users/@me"), status, body)
    assert problems and any(wrong in problem for problem in problems)
    assert schema.answer_problems(Request("PUT", f"{MESSAGES}/5/reactions/x/@me"), 204, None) == []


def test_the_path_with_fewer_variables_wins(schema: Judge) -> None:
    found = schema.template(Request("PATCH", "/webhooks/1/token/messages/@original"))
    assert found is not None and found.endswith("@original")


@pytest.mark.parametrize("rule", [lambda r: own_problems(r), lambda r: verdict(r)], ids=["our rules", "both together"])
def test_what_is_good_breaks_no_rule(rule: Callable[[Request], list[str]]) -> None:
    assert [name for name, request in GOOD.items() if rule(request)] == []
