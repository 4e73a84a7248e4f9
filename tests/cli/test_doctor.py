"""likeness doctor: one finding per thing, and an exit code that a script can use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import doctor
from bot.config import Settings, check
from bot.doctor import Finding, State, examine
from cli.conftest import Line
from cli.test_token import GOOD
from engine.errors import EngineGone

CPU = '{"torch": "2.13.0", "gpu": "", "memory": 0}'


async def hello(settings: Settings) -> str:
    return "cpu"


async def no_engine(settings: Settings) -> str:
    raise EngineGone("The engine does not start.")


def known(url: str, secret: str) -> tuple[int, bytes]:
    assert url.startswith("https://discord.com/") and secret == GOOD
    return 200, b'{"username": "likeness"}'


def unknown(url: str, secret: str) -> tuple[int, bytes]:
    return 401, b""


def unreachable(url: str, secret: str) -> tuple[int, bytes]:
    raise OSError("no network")


@pytest.fixture
def config(tmp_path: Path, weights: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text('[storage]\nfolder = "data"\n')
    return file


async def look(config: Path, **others: object) -> dict[str, Finding]:
    given = {
        "env": {"LIKENESS_TOKEN": GOOD},
        "online": True,
        "fetch": known,
        "hello": hello,
        "probe": lambda: CPU,
        **others,
    }
    findings = await examine(config, **given)  # type: ignore[arg-type]
    assert all(finding.sentence.strip() for finding in findings)
    assert GOOD not in "".join(finding.sentence for finding in findings)
    return {finding.name: finding for finding in findings}


async def test_everything_in_place(config: Path) -> None:
    found = await look(config)
    assert not [finding for finding in found.values() if finding.state is State.BAD]
    assert "likeness" in found["login"].sentence
    assert "client_id=123456789012345678" in found["invitation"].sentence
    assert "permissions=377957223488" in found["invitation"].sentence
    assert "cpu" in found["engine"].sentence
    assert found["torch"].state is State.NOTE and "no GPU" in found["torch"].sentence


async def test_a_missing_settings_file_does_not_end_the_examination(tmp_path: Path, weights: Path) -> None:
    found = await look(tmp_path / "config.toml")
    assert found["settings"].state is State.BAD and "config.example.toml" in found["settings"].sentence
    assert found["engine"].state is State.GOOD


async def test_every_mistake_in_the_settings_is_told(config: Path) -> None:
    config.write_text('[log]\nlevel = "loud"\n[ballot]\nhours = -1\n')
    findings = await examine(config, {}, online=False, fetch=unreachable, hello=hello, probe=lambda: CPU)
    assert [f.sentence.split(":")[0] for f in findings if f.name == "settings"] == ["ballot.hours", "log.level"]


@pytest.mark.parametrize(
    "changes, name, state, words",
    [
        ({"env": {}}, "token", State.BAD, "no bot token"),
        ({"fetch": unknown}, "login", State.BAD, "does not know this token"),
        ({"fetch": unreachable}, "login", State.NOTE, "cannot be reached"),
        ({"fetch": lambda url, secret: (503, b"")}, "login", State.NOTE, "status 503"),
        ({"online": False, "fetch": unreachable}, "login", State.NOTE, "--offline"),
        ({"hello": no_engine}, "engine", State.BAD, "does not start"),
        ({"probe": lambda: "Segmentation fault"}, "torch", State.BAD, "does not start"),
        (
            {"probe": lambda: '{"torch": "2", "gpu": "H200", "memory": 150000000000}'},
            "torch",
            State.GOOD,
            "H200 with 140 GiB",
        ),
    ],
)
async def test_one_thing_wrong(config: Path, changes: dict[str, object], name: str, state: State, words: str) -> None:
    finding = (await look(config, **changes))[name]
    assert (finding.state, words in finding.sentence) == (state, True), finding


@pytest.mark.parametrize(
    "text, state, words",
    [
        ("", State.GOOD, "built-in"),
        ('finder = "yunet"', State.BAD, "not named"),
        ('yunet_file = "nowhere.onnx"', State.BAD, "there is no"),
        ('yunet_file = "yunet.onnx"', State.GOOD, "by yunet"),
        ('finder = "haar"', State.GOOD, "by haar"),
        ('sface_file = "nowhere.onnx"', State.BAD, "there is no"),
        ('sface_file = "yunet.onnx"', State.BAD, "name faces.yunet_file too"),
        ('yunet_file = "yunet.onnx"\nsface_file = "yunet.onnx"', State.GOOD, "by yunet"),
    ],
)
async def test_who_finds_faces(config: Path, text: str, state: State, words: str) -> None:
    (config.parent / "yunet.onnx").write_bytes(b"")
    config.write_text(f"[faces]\n{text}\n")
    finding = (await look(config))["faces"]
    assert (finding.state, words in finding.sentence) == (state, True), finding


@pytest.mark.parametrize(("accepted", "state"), [(False, State.BAD), (True, State.GOOD)])
def test_terms_that_bind_and_were_not_accepted(weights: Path, accepted: bool, state: State) -> None:
    licence = {"id": "nc", "name": "Not for money", "commercial": False, "accepted": accepted}
    base = {"name": "mine", "family": "sd15", "source": str(weights), "licence": licence}
    found = doctor.bases(check({"engine": {"base": "mine"}, "bases": [base]}))
    told = [one for one in found if "Not for money" in one.sentence and "accepted = true" in one.sentence]
    assert bool(told) is (state is State.BAD) and all(one.state is state for one in told)


async def test_a_base_that_is_not_there(config: Path) -> None:
    gone = '[[bases]]\nname = "gone"\nfamily = "sd15"\nsource = "/no/such/base"\n'
    config.write_text(f'{gone}[engine]\nbase = "gone"\n')
    found = await look(config)
    assert found["base"].state is State.BAD and "gone: The base model" in found["base"].sentence
    config.write_text(gone)
    found = await look(config)
    assert found["base"].state is State.NOTE, "one that is not in use stops nobody"


def test_old_and_new_sqlite() -> None:
    assert doctor.sqlite((3, 51, 3)).state is State.GOOD
    assert doctor.sqlite((3, 40, 1)).state is State.NOTE


def test_secrets_that_others_can_read(tmp_path: Path) -> None:
    key, token = tmp_path / "key", tmp_path / "token"
    key.write_text("00" * 32)
    token.write_text(GOOD)
    settings = check({"storage": {"master_key_file": str(key)}, "discord": {"token_file": str(token)}})
    for mode, states in ((0o644, (State.BAD, State.NOTE)), (0o600, (State.GOOD, State.GOOD))):
        key.chmod(mode)
        token.chmod(mode)
        assert doctor.master_key(settings, {}).state is states[0]
        found = doctor.token(settings, {}, online=False, fetch=unreachable)
        assert (State.NOTE if any("chmod" in f.sentence for f in found) else State.GOOD) is states[1]


def test_a_disk_that_is_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = check({"storage": {"folder": str(tmp_path / "not" / "yet")}})
    for free, state in ((0.2, State.BAD), (5, State.NOTE), (50, State.GOOD)):
        usage = (0, 0, int(free * doctor.GIB))
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path, usage=usage: type("U", (), {"free": usage[2]}))
        assert doctor.disk(settings).state is state


@pytest.mark.parametrize(
    ("url", "state", "words"),
    [
        ("https://files.friends.net/likeness", State.GOOD, "begin with https://files.friends.net/likeness"),
        ("http://192.168.1.5/likeness", State.NOTE, "not encrypted"),
        ("http://localhost:8000/likeness", State.NOTE, "their own machine"),
        ("https://127.0.0.1/likeness", State.NOTE, "their own machine"),
        ("https://[::1]/likeness", State.NOTE, "their own machine"),
        ("https:///likeness", State.NOTE, "no address"),
        ("https://[files/likeness", State.NOTE, "no address"),
        ("https://files.friends.net/?dir=", State.NOTE, "ends in ? or #"),
        ("https://files.example.org/likeness", State.NOTE, "the example's"),
    ],
)
def test_where_large_loras_are_linked(tmp_path: Path, url: str, state: State, words: str) -> None:
    settings = check({"export": {"folder": str(tmp_path), "url": url}})
    _, link = doctor.export(settings)
    assert (link.name, link.state, words in link.sentence) == ("export link", state, True), link


async def test_where_large_loras_lie(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await look(config)
    assert found["export"].state is State.GOOD and "in parts" in found["export"].sentence
    shown = config.parent / "www"
    config.write_text('[export]\nfolder = "www"\nurl = "https://files.friends.net"\nhours = 5\n')

    async def said() -> tuple[State, str]:
        export = (await look(config))["export"]
        return export.state, export.sentence

    state, sentence = await said()
    assert state is State.NOTE and f"{shown} is not there" in sentence and not shown.exists(), "nothing is made"
    shown.write_text("")
    assert "is no folder" in (await said())[1]
    shown.unlink()
    shown.mkdir()
    state, sentence = await said()
    assert state is State.GOOD and "lie for 5 hours" in sentence and not list(shown.iterdir()), "nothing is left there"
    full = type("Usage", (), {"free": doctor.GIB // 2})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: full)
    assert "0.5 GiB free" in doctor.export(doctor.load(config))[0].sentence
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: path != shown)
    assert "cannot be written to" in doctor.export(doctor.load(config))[0].sentence


def test_the_command_prints_and_exits(run: Callable[..., Line], config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.commands.doctor.greet_engine", hello)
    monkeypatch.setattr("bot.commands.doctor.probe_torch", lambda: CPU)
    monkeypatch.setattr("bot.commands.doctor.ask_discord", unreachable)
    monkeypatch.delenv("LIKENESS_TOKEN", raising=False)
    line = run("doctor", "--config", config)
    assert line.code == 2 and "missing" in line.out and "to mend before" in line.out
    monkeypatch.setenv("LIKENESS_TOKEN", GOOD)
    line = run("doctor", "--config", config, "--json")
    assert line.code == 0
    assert {finding["state"] for finding in json.loads(line.out)} <= {"good", "note"}
