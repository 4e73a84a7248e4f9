"""What a release is made of: one version, honest pins, a licence, an image that runs as nobody special."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distributions, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    named = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found: dict[str, str] = {}
    for pin in named:
        (specifier,) = pin.specifier
        assert specifier.operator == "==", pin
        assert canonicalize_name(pin.name) not in found, pin
        found[canonicalize_name(pin.name)] = specifier.version
    return found


def test_one_version_everywhere() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\d+\.\d+\.\d+)", changes, re.MULTILINE)
    assert newest is not None
    assert PROJECT["version"] == version("likeness") == newest.group(1)


def test_every_dependency_is_pinned_to_a_version_it_allows() -> None:
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    pinned = pins()
    for text in (*PROJECT["dependencies"], *extras["demo"], *extras["dev"]):
        wanted = Requirement(text)
        have = pinned.get(canonicalize_name(wanted.name))
        assert have is not None and wanted.specifier.contains(have), text


def test_what_is_installed_is_what_is_pinned() -> None:
    pinned = pins()
    found = {canonicalize_name(package.name): package.version.partition("+")[0] for package in distributions()}
    installed = {name: number for name, number in found.items() if name in pinned}
    assert len(installed) > 50
    assert {name: number for name, number in installed.items() if pinned[name] != number} == {}


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text


def test_the_image_holds_no_secret_and_is_not_run_by_root() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!root)\w+", final, re.MULTILINE)
    assert final.count("\nVOLUME ") == 1
    assert not re.search(r"^(?:ENV|ARG) .*(?:TOKEN|KEY|SECRET)", text, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*" and "!config.toml" not in ignored and "!secrets" not in ignored
