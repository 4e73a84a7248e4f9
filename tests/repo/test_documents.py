"""What the documents say is true: their links lead somewhere, their commands exist, nothing that exists is missing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from bot.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "engine" / "miniature").glob("*.md")})
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
PLACE = re.compile(r"^(?:bot|engine|storage|tests)/[\w./-]+$")
MADE = ("demo-out/", "out/", "data/")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands_in(text: str, program: str) -> list[list[str]]:
    """Every command line of `program` in code blocks and in code words, split as a shell would; comments are left out."""
    lines = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    lines += CODE.findall(BLOCK.sub("", text))
    found = [line.strip().removeprefix(".venv/bin/") for line in lines]
    return [shlex.split(line, comments=True) for line in found if re.match(rf"{program}(?:\s|$)", line)]


def test_there_are_pages() -> None:
    assert {"README.md", "ARCHITECTURE.md", "CHANGELOG.md"} <= {path.name for path in PAGES}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        if target.startswith(("https://", "mailto:")):
            continue
        assert not target.startswith("http://"), target
        file, _, anchor = target.partition("#")
        place = path if not file else path.parent / file
        assert place.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_paths_in_code_words_exist(path: Path) -> None:
    for word in CODE.findall(BLOCK.sub("", path.read_text(encoding="utf-8"))):
        if PLACE.match(word) and not word.startswith(MADE):
            assert (ROOT / word).exists(), word


def test_every_make_command_in_the_readme_exists_and_every_one_that_exists_is_in_it() -> None:
    targets = set(re.findall(r"^\t@echo \"make (\w+)", page("Makefile"), re.MULTILINE))
    assert targets <= set(re.findall(r"^(\w+):", page("Makefile"), re.MULTILINE))
    named = {line[1] for line in commands_in(page("README.md"), "make") if len(line) > 1}
    assert named <= targets
    assert {"demo", "test", "check", "quality", "miniature"} <= named


def cli() -> dict[str, set[str]]:
    """Every command with its options; a group's are those of all its commands."""
    return {name: options_of(command) for name, command in commands_of(typer.main.get_command(app)).items()}


def commands_of(group: object) -> dict[str, object]:
    return getattr(group, "commands", {})  # the class is private to typer


def options_of(command: object) -> set[str]:
    own = {option for parameter in getattr(command, "params") for option in parameter.opts}  # noqa: B009
    return own.union(*(options_of(inner) for inner in commands_of(command).values()))


def test_every_likeness_command_in_the_documents_exists_with_its_options() -> None:
    known = cli()
    for path in PAGES:
        for line in commands_in(path.read_text(encoding="utf-8"), "likeness"):
            words = [word for word in line[1:] if word != "--debug"]
            if not words or words[0] in ("--help", "--version"):
                continue
            assert words[0] in known, line
            options = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
            assert options <= known[words[0]], line


def test_every_command_is_in_the_readme() -> None:
    named = {line[1] for line in commands_in(page("README.md"), "likeness") if len(line) > 1}
    assert set(cli()) <= named


def test_every_slash_command_in_the_readme_is_one_the_bot_has() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot" / "chat").glob("*.py"))
    known = set(re.findall(r"name=\"([a-z]+)\"", source))
    named = {word[1:].split()[0] for word in CODE.findall(page("README.md")) if re.fullmatch(r"/[a-z]+( .*)?", word)}
    assert named <= known, named - known
