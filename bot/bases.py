"""Which base model a word means: the miniature, a name from config.toml, or a place; found without loading anything."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path

from bot.config import CONFIG_NAME, BaseSettings, DefaultsSettings, LicenceSettings, Settings, load
from bot.errors import UserError
from bot.studio.terms import Terms, check
from engine import samplers
from engine.families.bases import MINIATURE, BaseKind, BasePlace, find, read_config, recognise
from engine.families.spec import FamilySpec, family
from engine.guidance import LoraGuidance, usual
from engine.protocol import BaseModelRef

FORMS = (
    f'a base is "{MINIATURE}", a name from [[bases]] in {CONFIG_NAME}, a diffusers folder, a .safetensors checkpoint, '
    "or a hub id like owner/name"
)
OURS = LicenceSettings(id="apache-2.0", name="Apache License 2.0", commercial=True)
"""The miniature is this project's own work."""


@dataclass(frozen=True)
class Record:
    """A base as config.toml, or the command line alone, describes it. Whether it is there is another question."""

    name: str
    ref: BaseModelRef
    licence: LicenceSettings | None = None
    defaults: DefaultsSettings = field(default_factory=DefaultsSettings)

    @property
    def spec(self) -> FamilySpec:
        return family(self.ref.family)

    @property
    def steps(self) -> int:
        return self.defaults.steps or self.spec.paint_steps

    @property
    def cfg(self) -> float:
        return self.spec.paint_cfg if self.defaults.cfg is None else self.defaults.cfg

    @property
    def sampler(self) -> str | None:
        """Where the record names one; None: the family's."""
        return self.defaults.sampler and samplers.named(self.defaults.sampler, self.spec.prediction).name

    @property
    def lora_guidance(self) -> LoraGuidance:
        return usual(self.ref.source).but(self.defaults.lora_guidance, self.defaults.lora_start)

    @property
    def terms(self) -> Terms | None:
        """None where the record says nothing of a licence."""
        said = self.licence
        if said is None:
            return None
        return Terms(
            base=self.name,
            name=said.name or said.id,
            url=said.url,
            commercial=said.commercial,
            max_revenue=said.max_revenue,
            attribution=said.attribution,
            accepted=said.accepted,
        )


@dataclass(frozen=True)
class Base:
    record: Record
    place: BasePlace

    @property
    def ref(self) -> BaseModelRef:
        return self.record.ref

    @property
    def title(self) -> str:
        """For reports: where it lies, or the hub id."""
        return self.ref.source if self.place.kind is BaseKind.HUB else str(self.place.path)

    @property
    def side(self) -> int:
        """The side in pixels of the square pictures it was trained on."""
        spec = self.record.spec
        if not self.place.path.is_dir() or "unet" not in spec.parts:
            return spec.home_resolution
        blocks = read_config(self.place.path, "vae")["block_out_channels"]
        return int(read_config(self.place.path, "unet")["sample_size"]) * 2 ** (len(blocks) - 1)


def records(settings: Settings) -> dict[str, Record]:
    """Every base of the settings by name, the miniature first."""
    embedded = Record(MINIATURE, BaseModelRef(), OURS)
    return {MINIATURE: embedded} | {base.name: _record(base) for base in settings.bases}


def in_use(settings: Settings) -> Record:
    """The base that engine.base names."""
    return records(settings)[settings.engine.base]


def settings_here(config: Path | None) -> Settings:
    """What `config` says; where none is named, the config.toml of this folder, if there is one."""
    if config is not None:
        return load(config)
    return load(Path(CONFIG_NAME)) if Path(CONFIG_NAME).is_file() else Settings()


def record_of(word: str, config: Path | None = None) -> Record:
    """What `word` means. UserError says what it may be; config.toml is read only where the word may stand in it."""
    path = Path(word).expanduser()
    if word == MINIATURE:
        return records(Settings())[MINIATURE]
    if path.exists() or "/" in word:
        source = str(path.resolve()) if path.exists() else word
        return Record(path.name if path.exists() else word, BaseModelRef(family=recognise(source), source=source))
    known = records(settings_here(config))
    if word in known:
        return known[word]
    nearest = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    if nearest:
        raise UserError(f'There is no base called "{word}". Did you mean "{nearest[0]}"?')
    raise UserError(f'There is no base called "{word}": {FORMS}.')


def find_base(word: str, config: Path | None = None) -> Base:
    """The base that `word` means, on this machine and to be worked with. UserError or BaseUnavailable say what is wrong."""
    record = record_of(word, config)
    base = Base(record, find(record.ref))
    check(record.terms)
    return base


def _record(base: BaseSettings) -> Record:
    ref = BaseModelRef(
        family=base.family,
        source=base.source,
        revision=base.revision,
        sha256=base.sha256,
        prediction=base.prediction,
        zero_snr=base.zero_snr,
    )
    return Record(base.name, ref, base.licence, base.defaults)
