"""Small models beside the bases: which there are, where they lie, and how they come here. Only ever fetched when told to.

Each is one file of OpenCV's zoo, pinned by its sha256: what arrives and is another one is not kept.
"""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.config import Settings
from bot.errors import UserError

FOLDER = "models"
"""In storage.folder."""
ZOO = "https://media.githubusercontent.com/media/opencv/opencv_zoo/966be4cb6eefc2a4f586ed0581bf4bbaa2533070/models"
TIMEOUT_S = 30
CHUNK = 1 << 16


@dataclass(frozen=True)
class ModelFile:
    name: str
    """By which the command line calls it."""
    file: str
    folder: str
    """In the zoo."""
    sha256: str
    bytes: int
    licence: str
    what: str
    variable: str
    """The environment variable by which the engine finds it."""

    @property
    def url(self) -> str:
        return f"{ZOO}/{self.folder}/{self.file}"


FACES = ModelFile(
    "faces",
    "face_detection_yunet_2023mar.onnx",
    "face_detection_yunet",
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    232_589,
    "MIT",
    "YuNet: finds faces, also small, turned and covered ones",
    "LIKENESS_YUNET",
)
RECOGNITION = ModelFile(
    "recognition",
    "face_recognition_sface_2021dec.onnx",
    "face_recognition_sface",
    "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    38_696_353,
    "Apache-2.0",
    "SFace: tells whose face it is, for group photos and the likeness score; needs faces",
    "LIKENESS_SFACE",
)
MODELS = {model.name: model for model in (FACES, RECOGNITION)}


class Answer(Protocol):
    def read(self, amount: int, /) -> bytes: ...


Open = Callable[[str], AbstractContextManager[Answer]]
"""URL -> the bytes there. Raises OSError."""


def find(model: ModelFile, settings: Settings) -> Path | None:
    """Where it lies: as config.toml says, else where `fetch` puts it. None: nowhere."""
    place = _named(model, settings) or home(model, settings)
    return place if place.is_file() else None


def _named(model: ModelFile, settings: Settings) -> Path | None:
    return {FACES.name: settings.faces.yunet_file, RECOGNITION.name: settings.faces.sface_file}[model.name]


def home(model: ModelFile, settings: Settings) -> Path:
    return settings.storage.folder / FOLDER / model.file


def tell_engine(settings: Settings, environ: MutableMapping[str, str]) -> None:
    """Name what is there to the engine's process. What config.toml names goes first, then what the environment says."""
    for model in MODELS.values():
        named, place = _named(model, settings), home(model, settings)
        if named is not None:
            environ[model.variable] = str(named)
        elif place.is_file():
            environ.setdefault(model.variable, str(place.absolute()))


def model_of(name: str) -> ModelFile:
    """UserError for a name there is none of."""
    if name not in MODELS:
        raise UserError(f"There is no model called {name}. There are {' and '.join(MODELS)}.")
    return MODELS[name]


def is_whole(place: Path, model: ModelFile) -> bool:
    return place.stat().st_size == model.bytes and _sha256(place.read_bytes()) == model.sha256


def fetch(model: ModelFile, settings: Settings, get: Open | None = None) -> Path:
    """Download it; already there and whole, it is left as it is. UserError where it cannot be had or is another file."""
    place = home(model, settings)
    if place.is_file() and is_whole(place, model):
        return place
    try:
        with (get or _get)(model.url) as answer:
            data = b"".join(_all(answer, model.bytes))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{model.file} cannot be fetched from here ({_why(error)}). Try again when there is a connection, or put the "
            f"file into {place.parent} by hand: {model.url}"
        ) from None
    if len(data) != model.bytes or _sha256(data) != model.sha256:
        raise UserError(
            f"What came is not the {model.file} that was pinned, so it was not kept. Try again; if it happens again, "
            "something between here and there changes files."
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_suffix(".part")
    temporary.write_bytes(data)
    temporary.replace(place)
    return place


def _all(answer: Answer, most: int) -> Iterator[bytes]:
    """Its bytes, one chunk past `most` at the most."""
    size = 0
    while size <= most and (part := answer.read(CHUNK)):
        size += len(part)
        yield part


def _get(url: str) -> AbstractContextManager[Answer]:
    return urllib.request.urlopen(url, timeout=TIMEOUT_S)


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}"
    return "no connection" if isinstance(error, urllib.error.URLError | TimeoutError) else type(error).__name__


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
