"""config.toml: every mistake at once, each with its key and its fix."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.config import ConfigError, Settings, check, load

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        check(tomllib.loads(text))
    return caught.value.problems


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= keys_of(field.annotation, f"{prefix}{name}.")
        else:
            found.add(prefix + name)
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
        if line.startswith("["):
            section = line.strip("[]")
        elif " = " in text and " " not in text.split(" = ")[0]:
            named.add(f"{section}.{text.split(' = ')[0]}")
            assert before.startswith(("#", "[")) or " = " in before, line
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
    file.write_text('[engine]\nbase = "my-base"\n[storage]\nfolder = "/srv/likeness"\n')
    monkeypatch.chdir(tmp_path)
    settings = load(Path("house/config.toml"))
    assert settings.engine.base == str(tmp_path / "house" / "my-base")
    assert settings.engine.scratch_folder == tmp_path / "house" / "data/scratch"
    assert settings.storage.folder == Path("/srv/likeness")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().ballot.hours = 3
