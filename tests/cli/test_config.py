"""config.toml: every mistake at once, each with its key and its fix."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from bot.config import BaseSettings, ConfigError, Settings, check, load
from engine.families.spec import FAMILIES

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        check(tomllib.loads(text))
    return caught.value.problems


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        found |= keys_of(inner[0], f"{prefix}{name}.") if inner else {prefix + name}
    return found


def test_the_example_is_accepted_and_shows_the_defaults(tmp_path: Path) -> None:
    shown = load(EXAMPLE)
    empty = tmp_path / "config.toml"
    empty.write_text("")
    assert shown.training == load(empty).training == Settings().training
    assert shown.engine.device == "auto"
    assert shown.storage.folder == EXAMPLE.parent / "data"


def test_the_example_names_every_key_with_a_comment_above() -> None:
    lines = EXAMPLE.read_text().splitlines()
    section, named = "", set[str]()
    for before, line in zip(["", *lines], lines, strict=False):
        text = line.removeprefix("# ")
        if text.startswith("["):
            section = text.strip("[]")
        elif " = " in text and " " not in text.split(" = ")[0]:
            named.add(f"{section}.{text.split(' = ')[0]}")
            assert before.startswith(("#", "[")) or " = " in before, line
    assert "# [[bases]]" in lines, "a base is a record of its own"
    assert named == keys_of(Settings)


def test_eyes_are_folders_beside_the_settings_or_hub_ids(tmp_path: Path) -> None:
    (tmp_path / "my-clip").mkdir()
    (tmp_path / "config.toml").write_text('[eyes]\nclip = "my-clip"\ndinov2 = "facebook/dinov2-small"\n')
    eyes = load(tmp_path / "config.toml").eyes
    assert (eyes.clip, eyes.dinov2) == (str(tmp_path / "my-clip"), "facebook/dinov2-small")


def test_every_mistake_is_told_at_once() -> None:
    found = problems(
        """
        [engine]
        device = "gpu"
        hang_timeout_s = "long"
        [training]
        max_photos = 2.5
        min_photo = 5
        [balot]
        hours = 1
        """
    )
    assert [line.split(":")[0] for line in found] == [
        "engine.device",
        "engine.hang_timeout_s",
        "training.max_photos",
        "training.min_photo",
        "balot",
    ]
    assert all(" Fix: " in line and line.endswith((".", "?")) for line in found)
    assert "`min_photos`" in found[3]
    assert "`ballot`" in found[4]


def test_a_key_like_nothing_known_lists_what_is_known() -> None:
    (line,) = problems("[ballot]\nzebra = 1")
    assert "[ballot] knows hours" in line


@pytest.mark.parametrize("section, key", [("discord", "token"), ("storage", "master_key")])
def test_a_secret_in_the_file_is_refused_and_not_repeated(section: str, key: str) -> None:
    lines = problems(f'[{section}]\n{key} = "hunter2-canary"\n[log]\nlevel = "loud"')
    assert len(lines) == 2
    assert lines[0].startswith(f"{section}.{key}: ")
    assert "environment variable LIKENESS_" in lines[0]
    assert "canary" not in "".join(lines)


def test_a_section_given_as_a_value_is_explained() -> None:
    assert problems("engine = 3") == ("engine: is a section, not a value. Fix: write it as a table, [engine].",)


def test_fewer_photos_allowed_than_needed() -> None:
    (line,) = problems("[training]\nmin_photos = 20\nmax_photos = 10")
    assert line.startswith("training.min_photos: is 20, more than training.max_photos (10).")


BASE = '[[bases]]\nname = "{name}"\nfamily = "sdxl"\nsource = "a/b"\n'


def test_mistakes_in_a_base_name_its_place_and_its_fix() -> None:
    found = problems(
        """
        [engine]
        base = "sdlx"
        [[bases]]
        name = "SDXL base"
        family = "sd9"
        source = "owner/name"
        sha256 = "abc"
        predicton = "v_prediction"
        [[bases]]
        name = "two"
        source = "owner/name"
        [bases.licence]
        name = "A licence"
        """
    )
    assert [line.split(":")[0] for line in found] == [
        "bases.0.name", "bases.0.family", "bases.0.sha256", "bases.0.predicton", "bases.1.family", "bases.1.licence.id",
    ]  # fmt: skip
    assert "small letters" in found[0] and "'sd15', 'sdxl' or 'zimage'" in found[1] and "64 hex digits" in found[2]
    assert "`prediction`" in found[3] and "is missing" in found[4] and "is missing" in found[5]


def test_the_base_in_use_is_one_that_is_described() -> None:
    assert check(tomllib.loads(BASE.format(name="big") + '[engine]\nbase = "big"')).engine.base == "big"
    assert "did you mean `miniature`" in problems('[engine]\nbase = "miniatur"')[0]
    assert "describe it under [[bases]]" in problems('[engine]\nbase = "flux"')[0]
    (line,) = problems(BASE.format(name="big") * 2)
    assert line.startswith('bases.1.name: there are two bases called "big".')
    (line,) = problems(BASE.format(name="miniature"))
    assert line.startswith("bases.0.name")


def test_the_families_of_a_record_are_those_of_the_engine() -> None:
    assert set(get_args(BaseSettings.model_fields["family"].annotation)) == set(FAMILIES)


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[engine]\nbase = miniature\n")
    with pytest.raises(ConfigError, match=r"line 2"):
        load(file)


def test_a_missing_file_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"copy config\.example\.toml"):
        load(tmp_path / "config.toml")


def test_relative_paths_count_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "my-base").mkdir()
    file = tmp_path / "house" / "config.toml"
    file.write_text(
        '[storage]\nfolder = "/srv/likeness"\n[[bases]]\nname = "mine"\nfamily = "sd15"\nsource = "my-base"\n'
        '[[bases]]\nname = "theirs"\nfamily = "sdxl"\nsource = "owner/name"\n'
    )
    monkeypatch.chdir(tmp_path)
    settings = load(Path("house/config.toml"))
    assert [base.source for base in settings.bases] == [str(tmp_path / "house" / "my-base"), "owner/name"]
    assert settings.engine.scratch_folder == tmp_path / "house" / "data/scratch"
    assert settings.storage.folder == Path("/srv/likeness")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().ballot.hours = 3
