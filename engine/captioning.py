"""Who writes captions: what may stand in the config, and where the models lie. Torch-free, for config, doctor and fetching."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.photos import SubjectKind
from engine.shots import Part


class Captioner(StrEnum):
    AUTO = "auto"
    """The miniature's own for its cartoons, else the best model on this machine, else the template."""
    TEMPLATE = "template"
    """No model: a few words from what was measured; the member writes the rest."""
    MINIATURE = "miniature"
    BLIP = "blip"
    FLORENCE2 = "florence2"


class CaptionerRef(Part):
    """What a job asks for."""

    kind: Captioner = Captioner.AUTO
    source: str | None = None
    """A folder, or a hub id that was fetched; None: the published ones, where one of them was fetched."""


@dataclass(frozen=True)
class Published:
    """A model as it is published: its hub id, on what terms, and how much there is to fetch."""

    source: str
    licence: str
    gigabytes: float


PUBLISHED: dict[Captioner, tuple[Published, ...]] = {
    Captioner.FLORENCE2: (
        Published("florence-community/Florence-2-base", "MIT", 0.5),
        Published("florence-community/Florence-2-large", "MIT", 1.6),
    ),
    Captioner.BLIP: (
        Published("Salesforce/blip-image-captioning-base", "BSD-3-Clause", 1.0),
        Published("Salesforce/blip-image-captioning-large", "BSD-3-Clause", 1.9),
    ),
}
"""Best first. Florence-2 by the conversions for the class in transformers itself; the first repository runs its own code."""
FETCHED = ("config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json", "tokenizer.json",
           "tokenizer_config.json", "vocab.json", "vocab.txt", "merges.txt", "added_tokens.json", "special_tokens_map.json",
           "*.safetensors")  # fmt: skip
"""The files of a repository that are fetched: never a pickle, never code."""
WEIGHTS = "model.safetensors"

LOOKS = re.compile(
    r"\b(?:hair(?:ed|cut|style)?|bald|beard(?:ed)?|moustache|mustache|freckles?|skin(?:ned)?|eyes?|eyed|nose|lips?|brows?|"
    r"eyebrows?|ears?|jaw|chin|cheeks?|faced|blonde?|brunette|young|old|elderly|aged|asian|african|european|caucasian|latino|"
    r"handsome|beautiful|pretty|tall)\b",
    re.IGNORECASE,
)
COAT = re.compile(
    r"\b(?:fur|furry|fluffy|coat|breed|spots?|stripes?|ears?|eyes?|tail|paws?|snout|muzzle)\b", re.IGNORECASE
)
OWN = {
    SubjectKind.PERSON: LOOKS,
    SubjectKind.CHARACTER: LOOKS,
    SubjectKind.PET: COAT,
}
"""What belongs to the subject itself: captioners' parts with such a word are left out."""


def place_of(kind: Captioner, source: str | None = None) -> Path | None:
    """The folder of a model of this kind on this machine; None where there is none. Nothing is downloaded."""
    places = (source,) if source else tuple(one.source for one in PUBLISHED.get(kind, ()))
    return next((folder for place in places if (folder := _folder(place)) is not None), None)


def _folder(place: str) -> Path | None:
    path = Path(place).expanduser()
    if path.is_dir():
        return path if (path / "config.json").is_file() and (path / WEIGHTS).is_file() else None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(place, name) for name in ("config.json", WEIGHTS)]
    except HFValidationError:
        return None
    return Path(found[0]).parent if isinstance(found[0], str) and isinstance(found[1], str) else None
