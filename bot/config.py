"""The settings: read once, checked whole, passed down by argument.

`load()` either returns everything or raises one ConfigError that lists every problem, each as
`key.path: what is wrong. Fix: what to write`. Secrets never stand in the file: the token and the master key come from
the environment or from files that the settings name (`bot.token`, `storage.vault`).
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import UserError
from bot.sections import CaptionsSettings, EyesSettings, FacesSettings, Section
from engine import samplers
from engine.errors import BadInput
from engine.families.bases import MINIATURE
from engine.families.spec import family

CONFIG_NAME = "config.toml"
TYPE_WORDS = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "path_type": "a path, in quotes",
    "string_type": "text, in quotes",
    "string_too_short": "at least one character",
    "tuple_type": "a list",
}
PATTERN_WORDS = {
    "device": "auto, cpu, mps, cuda or a device like cuda:0",
    "name": "small letters, digits, dots, dashes and underscores",
    "sha256": "64 hex digits",
    "url": "an address that begins with http:// or https://",
}
SECRET_KEYS = {
    ("discord", "token"): ("LIKENESS_TOKEN", "discord.token_file"),
    ("storage", "master_key"): ("LIKENESS_MASTER_KEY", "storage.master_key_file"),
}


class ConfigError(UserError):
    """The settings cannot be used; `problems` has one line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class DiscordSettings(Section):
    token_file: Path | None = None
    """A file that holds nothing but the bot's token. The environment variable LIKENESS_TOKEN goes before it."""


class LicenceSettings(Section):
    """On what terms a base may be used, as its model card says."""

    id: str = Field(min_length=1)
    name: str = ""
    url: str = ""
    commercial: bool | None = None
    """Whether a bot that takes money may serve it. None: not known."""
    max_revenue: int | None = Field(default=None, ge=0)
    """In US dollars a year: above it another licence is needed."""
    attribution: str | None = None
    """What has to stand where its pictures are shown."""
    accepted: bool = False
    """Whether the owner has read terms that forbid or cap money, and keeps to them; nothing starts on such a base before."""


class DefaultsSettings(Section):
    """What a base paints with where nobody says otherwise; a key left out keeps the family's value."""

    steps: int | None = Field(default=None, ge=1, le=150)
    cfg: float | None = Field(default=None, ge=0, le=30)
    sampler: str | None = Field(default=None, min_length=1)
    """As `--sampler` takes it."""
    lora_guidance: float | None = Field(default=None, ge=0, le=30)
    """How far LoRAs are pressed in guided pictures, see docs/painting.md; 0: at their strength, as other tools do."""
    lora_start: float | None = Field(default=None, ge=0, le=0.9)
    """The share of the steps that is walked before LoRAs come in."""


class BaseSettings(Section):
    """One base model: [[bases]]."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")
    """By which it is called on the command line and in engine.base."""
    family: Literal["sd15", "sdxl", "zimage"]
    source: str = Field(min_length=1)
    """A diffusers folder, a .safetensors checkpoint, or a hub id."""
    revision: str | None = None
    """Of a hub id: the commit to use."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")
    """Of its weights, as `likeness bases check` prints it; other weights are not loaded."""
    licence: LicenceSettings | None = None
    prediction: Literal["epsilon", "v_prediction"] | None = None
    """Where the base's own scheduler config does not say it, or says it wrong."""
    zero_snr: bool | None = None
    """Likewise: whether its noise schedule ends in pure noise."""
    defaults: DefaultsSettings = DefaultsSettings()


class EngineSettings(Section):
    base: str = Field(default=MINIATURE, min_length=1)
    """The name of the base in use: "miniature", or one of [[bases]]."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    scratch_folder: Path = Path("data/scratch")
    """Checkpoints of trainings that are not over. Losing it costs time, never results."""
    joint_runs: int | None = Field(default=None, ge=1, le=8)
    """Trainings that may run at a time, sharing their steps. Left out: one on a CPU, four on a GPU."""
    hang_timeout_s: float = Field(default=600, ge=30)
    """A worker silent for so long is ended and its job sent again."""


class StorageSettings(Section):
    folder: Path = Path("data")
    """The database, the sealed photos, LoRAs and pictures, and the backups."""
    master_key_file: Path | None = None
    """None: master.key in the vault, made at the first start. The environment variable LIKENESS_MASTER_KEY goes first."""


class PresetSettings(Section):
    """What a preset takes instead of the base's own values; a key left out keeps them."""

    exposures: int | None = Field(default=None, ge=1, le=1_000_000)
    epochs: int | None = Field(default=None, ge=1, le=20)
    rank: int | None = Field(default=None, ge=1, le=256)


class PresetsSettings(Section):
    quick: PresetSettings = PresetSettings()
    balanced: PresetSettings = PresetSettings()
    thorough: PresetSettings = PresetSettings()


class TrainingSettings(Section):
    preset: Literal["quick", "balanced", "thorough"] = "balanced"
    """The one chosen until a member picks another."""
    min_photos: int = Field(default=5, ge=2, le=50)
    max_photos: int = Field(default=50, ge=2, le=200)
    queue_per_member: int = Field(default=2, ge=1)
    """Trainings a member may have waiting or running."""
    queue_per_server: int = Field(default=20, ge=1)
    presets: PresetsSettings = PresetsSettings()


class PaintingSettings(Section):
    pictures: int = Field(default=4, ge=1, le=9)
    """Pictures per request, at most."""
    queue_per_member: int = Field(default=4, ge=1)
    """Requests a member may have waiting or running."""
    few_step_file: Path | None = None
    """A LoRA that paints in 4 to 8 steps, such as LCM-LoRA, for the fast mode. None: that mode only takes fewer steps."""


class PeopleSettings(Section):
    attested: bool = False
    """Whether "someone who agreed" may be chosen: a person who is not asked on the server, for whom a member answers."""


class BallotSettings(Section):
    hours: float = Field(default=24, gt=0, le=24 * 14)


class FolderSettings(Section):
    """A folder of photos on this machine: [[folders]]. Only the owner of the bot's application may take photos from it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")
    """By which /train calls it."""
    path: Path


class RetentionSettings(Section):
    """How many days things are kept at most; 0: until somebody deletes them. Admins of a server may only say less."""

    photos_days: int = Field(default=30, ge=0, le=3650)
    """After the training they were for, or after a draft was opened that nobody went on with."""
    epochs_days: int = Field(default=14, ge=0, le=3650)
    pictures_days: int = Field(default=0, ge=0, le=3650)


class ExportSettings(Section):
    """Where LoRAs that are too large for a message are handed out. Without this section they are split."""

    folder: Path
    """A folder that a web server of yours shows. Files lie there unsealed, under names nobody can guess, until their time is
    over or the LoRA is deleted or withdrawn."""
    url: str = Field(pattern=r"^https?://\S+$")
    """At which that folder stands."""
    hours: int = Field(default=24, ge=1, le=24 * 14)


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Section):
    discord: DiscordSettings = DiscordSettings()
    engine: EngineSettings = EngineSettings()
    bases: tuple[BaseSettings, ...] = ()
    """Besides the embedded miniature, which needs no record."""
    storage: StorageSettings = StorageSettings()
    training: TrainingSettings = TrainingSettings()
    painting: PaintingSettings = PaintingSettings()
    people: PeopleSettings = PeopleSettings()
    folders: tuple[FolderSettings, ...] = ()
    """Whose photos /train takes for the bot's owner."""
    ballot: BallotSettings = BallotSettings()
    faces: FacesSettings = FacesSettings()
    eyes: EyesSettings = EyesSettings()
    captions: CaptionsSettings = CaptionsSettings()
    retention: RetentionSettings = RetentionSettings()
    export: ExportSettings | None = None
    log: LogSettings = LogSettings()


def load(path: Path) -> Settings:
    """The settings in `path`, its relative paths resolved against its folder. ConfigError names every mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            [f"{path}: there is no such file. Fix: copy config.example.toml to {path} and read through it."]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([f"{path}: cannot be read ({why}). Fix: make it a readable text file."]) from None
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            [f"{path}: is not valid TOML: {error}. Fix: mend that line; config.example.toml shows the form."]
        ) from None
    return _resolved(check(given), path.resolve().parent)


def check(given: dict[str, Any]) -> Settings:
    """Validate already parsed settings. ConfigError names every mistake, secrets in the file among them."""
    given, problems = _without_secrets(given)
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        problems += [_sentence(detail) for detail in error.errors(include_url=False, include_context=True)]
        raise ConfigError(problems) from None
    if settings.training.min_photos > settings.training.max_photos:
        problems.append(
            f"training.min_photos: is {settings.training.min_photos}, more than training.max_photos "
            f"({settings.training.max_photos}). Fix: lower the one or raise the other."
        )
    problems += [*_base_problems(settings), *_sampler_problems(settings)]
    if problems:
        raise ConfigError(problems)
    return settings


def _base_problems(settings: Settings) -> list[str]:
    names = [base.name for base in settings.bases]
    problems = [
        f'bases.{index}.name: there are two bases called "{name}". Fix: give each its own name.'
        for index, name in enumerate(names)
        if name in (MINIATURE, *names[:index])
    ]
    wanted = settings.engine.base
    if wanted not in (MINIATURE, *names):
        nearest = difflib.get_close_matches(wanted, [MINIATURE, *names], n=1, cutoff=0.6)
        known = ", ".join([MINIATURE, *names])
        hint = f"did you mean `{nearest[0]}`?" if nearest else f"name one of {known}, or describe it under [[bases]]."
        problems.append(f'engine.base: there is no base called "{wanted}". Fix: {hint}')
    return problems


def _sampler_problems(settings: Settings) -> list[str]:
    problems: list[str] = []
    for index, base in enumerate(settings.bases):
        wanted, steps = base.defaults.sampler, base.defaults.steps
        if wanted is None:
            continue
        try:
            name = samplers.named(wanted, family(base.family).prediction).name
        except BadInput as error:
            problems.append(f"bases.{index}.defaults.sampler: {error} Fix: name one of them, or leave it out.")
            continue
        most = samplers.most_steps(name)
        if most is not None and (steps or family(base.family).paint_steps) > most:
            problems.append(
                f"bases.{index}.defaults.steps: {name} walks at most {most} steps. Fix: write for example `steps = 6`."
            )
    return problems


def _without_secrets(given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    problems: list[str] = []
    kept = dict(given)
    for (section, key), (variable, file_key) in SECRET_KEYS.items():
        table = kept.get(section)
        if isinstance(table, dict) and key in table:
            entries = cast("dict[str, Any]", table)
            kept[section] = {name: value for name, value in entries.items() if name != key}
            problems.append(
                f"{section}.{key}: a secret does not belong in a file that gets copied and shared. Fix: take it out, "
                f"replace it if anybody has seen the file, and give it as the environment variable {variable} or in a "
                f"file of its own named by {file_key}."
            )
    return kept, problems


def _sentence(detail: ErrorDetails) -> str:
    location = [part for part in detail["loc"] if isinstance(part, str)]
    key = ".".join(str(part) for part in detail["loc"])
    parent = _section(location[:-1])
    known = sorted(parent.model_fields) if parent else []
    if detail["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.6)
        if nearest:
            return f"{key}: there is no such setting. Fix: did you mean `{nearest[0]}`?"
        where = f"[{'.'.join(location[:-1])}]" if location[:-1] else "the file"
        return f"{key}: there is no such setting. Fix: remove it; {where} knows {', '.join(known)}."
    message = detail["msg"].removeprefix("Input should be ").removeprefix("Value should be ")
    message = TYPE_WORDS.get(detail["type"], message)
    if detail["type"] == "string_pattern_mismatch":
        message = PATTERN_WORDS[location[-1]]
    if detail["type"] == "missing":
        return f"{key}: is missing. Fix: {_example(parent, location)}"
    if detail["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        return f"{key}: is a section, not a value. Fix: write it as a table, [{key}]."
    given = repr(detail["input"])
    return f"{key}: is {given[:60]}, must be {message}. Fix: {_example(parent, location)}"


def _section(location: list[str]) -> type[Section] | None:
    """The model at a place in the settings; None where there is none."""
    model: type[Section] = Settings
    for part in location:
        field = model.model_fields.get(part)
        kinds = () if field is None else (field.annotation, *get_args(field.annotation))
        found = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)
        if found is None:
            return None
        model = found
    return model


def _example(parent: type[Section] | None, location: list[str]) -> str:
    field = parent.model_fields.get(location[-1]) if parent and location else None
    if field is None or field.is_required():
        return "see config.example.toml."
    if field.default is None:
        return "leave it out, or see config.example.toml."
    default = field.default
    shown = "[]" if default == () else f'"{default}"' if isinstance(default, str | Path) else str(default)
    return f"write for example `{location[-1]} = {shown}`."


def _resolved(settings: Settings, home: Path) -> Settings:
    """Relative paths count from the settings file's folder, wherever the program is started."""

    bases = tuple(
        base.model_copy(update={"source": str(home / base.source)}) if (home / base.source).exists() else base
        for base in settings.bases
    )
    named = {"clip": settings.eyes.clip, "dinov2": settings.eyes.dinov2}
    eyes = {name: str(home / place) for name, place in named.items() if place and (home / place).is_dir()}
    written = settings.captions.model
    captions = {"model": str(home / written)} if written and (home / written).is_dir() else {}
    return settings.model_copy(
        update={
            "discord": _under(settings.discord, home),
            "engine": _under(settings.engine, home),
            "bases": bases,
            "storage": _under(settings.storage, home),
            "faces": _under(settings.faces, home),
            "painting": _under(settings.painting, home),
            "export": settings.export and _under(settings.export, home),
            "folders": tuple(_under(folder, home) for folder in settings.folders),
            "eyes": settings.eyes.model_copy(update=eyes),
            "captions": settings.captions.model_copy(update=captions),
        }
    )


S = TypeVar("S", bound=Section)


def _under(section: S, home: Path) -> S:
    changed = {
        name: home / value
        for name in type(section).model_fields
        if isinstance(value := getattr(section, name), Path) and not value.is_absolute()
    }
    return section.model_copy(update=changed)
