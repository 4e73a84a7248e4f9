"""Where a base model lies, whether it looks right, and which one it is: no torch, for config, doctor and the worker."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from engine.errors import BadInput, BaseUnavailable
from engine.families.spec import FAMILIES, FamilySpec, family
from engine.files import header
from engine.files.header import Header
from engine.miniature import MINIATURE, WEIGHTS
from engine.protocol import BaseModelRef

WHOLE_BYTES = 64 * 2**20
"""Weight files up to this size are hashed whole, bigger ones by samples."""
SAMPLES, SAMPLE_BYTES = 32, 64 * 2**10
PIECE_BYTES = 2**20
MARKS = {
    "conditioner.embedders.1.": "sdxl",
    "cond_stage_model.": "sd15",
    "model.diffusion_model.noise_refiner.": "zimage",
    "noise_refiner.": "zimage",
}
"""How the tensor names of a single checkpoint begin that only one family has."""
EXAMPLES = {"zimage": "Tongyi-MAI/Z-Image"}
"""Where a whole base is, for families whose single files are none."""


class BaseKind(StrEnum):
    MINIATURE = "miniature"
    FOLDER = "folder"
    CHECKPOINT = "checkpoint"
    HUB = "hub"


@dataclass(frozen=True, slots=True)
class BasePlace:
    """A base found on this machine."""

    kind: BaseKind
    name: str
    """For people and for metadata: never a path, which may hold somebody's name."""
    path: Path
    """The diffusers folder (of a hub id: its snapshot in the local cache) or the .safetensors file."""
    weights: tuple[str, ...] = ()
    """Folders inside it that hold weights; of a single file there are none."""
    variant: str | None = None
    """ "fp16" where the folder has its weights under that name only."""


def find(ref: BaseModelRef) -> BasePlace:
    """Where `ref` lies; BaseUnavailable, with a sentence that says what to do, when it is not there or not whole."""
    spec, source = family(ref.family), ref.source
    if source == MINIATURE:
        return _folder(spec, WEIGHTS, BaseKind.MINIATURE, MINIATURE)
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder(spec, path, BaseKind.FOLDER, path.resolve().name)
    if path.is_file():
        return _checkpoint(spec, path)
    if path.suffix in (".safetensors", ".ckpt", ".pt") or source.startswith(("/", ".", "~")) or source.count("/") != 1:
        raise BaseUnavailable(
            f"The base model '{source}' is not there. Give \"miniature\", a diffusers folder, a .safetensors checkpoint "
            "or a hub id such as stable-diffusion-v1-5/stable-diffusion-v1-5."
        )
    return _hub(spec, ref)


def recognise(source: str, revision: str | None = None) -> str:
    """The family of the base at `source`, by its looks; "sd15" where they say nothing (`find` then says what is wrong)."""
    path = Path(source).expanduser()
    if path.is_file():
        found = _header(path)
        names = () if found is None else found.names
        return next((name for start, name in MARKS.items() if any(one.startswith(start) for one in names)), "sd15")
    try:
        index = path / "model_index.json" if path.is_dir() else _cached_index(source, revision)
        made_for = json.loads(index.read_text()).get("_class_name") if index else None
    except (BaseUnavailable, OSError, ValueError, AttributeError):
        made_for = None
    return next((spec.name for spec in FAMILIES.values() if spec.pipeline == made_for), "sd15")


def fingerprint(place: BasePlace) -> str:
    """Sixteen hex letters that change when the weights do. Big files are sampled: a 4 GB base takes well under a second."""
    digest = hashlib.sha256()
    for file in _weights(place):
        size = file.stat().st_size
        digest.update(f"{_named(place, file)}:{size}\n".encode())
        with file.open("rb") as stream:
            if size <= WHOLE_BYTES:
                digest.update(stream.read())
                continue
            for index in range(SAMPLES):
                stream.seek((size - SAMPLE_BYTES) * index // (SAMPLES - 1))
                digest.update(stream.read(SAMPLE_BYTES))
    return digest.hexdigest()[:16]


def checksum(place: BasePlace, progress: Callable[[int, int], None] = lambda done, total: None) -> str:
    """SHA-256 of the weights, every byte: of a single file the file's own, as galleries print it; of a folder that of the
    lines "SHA-256  path" of its weight files, as `sha256sum` would write them, in the order of their paths.

    `progress(done, total)` hears of bytes. A few seconds for each gigabyte.
    """
    files = _weights(place)
    total, done = sum(file.stat().st_size for file in files), 0
    lines: list[str] = []
    for file in files:
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while piece := stream.read(PIECE_BYTES):
                digest.update(piece)
                done += len(piece)
                progress(done, total)
        if place.path.is_file():
            return digest.hexdigest()
        lines.append(f"{digest.hexdigest()}  {_named(place, file)}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def verify(ref: BaseModelRef, place: BasePlace) -> None:
    """BaseUnavailable where the weights are others than the record says. Nothing is read where it says nothing."""
    if ref.sha256 is None:
        return
    found = checksum(place)
    if found != ref.sha256.lower():
        raise BaseUnavailable(
            f"The files of the base '{place.name}' are not the ones its record names (sha256 {found[:12]}..., not "
            f"{ref.sha256[:12].lower()}...), so nothing was started. Fetch it again, or correct the record."
        )


def size(place: BasePlace) -> int:
    """Bytes of its weights."""
    return sum(file.stat().st_size for file in _weights(place))


def read_config(folder: Path, part: str) -> dict[str, Any]:
    """The config of one part of a diffusers folder."""
    name = "scheduler_config.json" if part == "scheduler" else "config.json"
    try:
        return cast(dict[str, Any], json.loads((folder / part / name).read_text()))
    except (OSError, ValueError) as error:
        raise BaseUnavailable(f"The base model's {part}/{name} cannot be read. Download the base again.") from error


def _named(place: BasePlace, file: Path) -> str:
    return file.relative_to(place.path).as_posix() if place.path.is_dir() else "checkpoint"


def _folder(spec: FamilySpec, path: Path, kind: BaseKind, name: str) -> BasePlace:
    if not (path / "model_index.json").is_file():
        if kind is BaseKind.MINIATURE:
            raise BaseUnavailable(
                "The embedded base is missing from this installation. Install it again, or run: make miniature"
            )
        raise BaseUnavailable(
            f"The folder '{name}' holds no model_index.json, so it is no diffusers model. Name the folder that has one."
        )
    try:
        made_for = json.loads((path / "model_index.json").read_text()).get("_class_name")
    except ValueError as error:
        raise BaseUnavailable(f"The model_index.json of '{name}' cannot be read. Download the base again.") from error
    if made_for != spec.pipeline:
        raise BaseUnavailable(
            f"'{name}' is a {made_for}; the family {spec.name} ({spec.title}) takes a {spec.pipeline}."
        )
    missing = [part for part in spec.parts if not (path / part).is_dir()]
    if missing:
        raise BaseUnavailable(f"The base model '{name}' lacks {', '.join(missing)}. Download it again.")
    variants = {_variant(path / part) for part in spec.weights}
    if "pickle" in variants:
        raise BaseUnavailable(
            f"The base model '{name}' holds pickled .bin weights, which can run code when opened. Use its .safetensors files."
        )
    if "" in variants:
        raise BaseUnavailable(f"The base model '{name}' has no .safetensors weights in every part. Download it again.")
    return BasePlace(kind, name, path, spec.weights, "fp16" if variants == {"fp16"} else None)


def _variant(folder: Path) -> str:
    """Of the weights in `folder`: "full", "fp16", "pickle" or "" for none."""
    names = [file.name for file in folder.iterdir()]
    safe = [name for name in names if name.endswith(".safetensors")]
    if any(".fp16" not in name for name in safe):
        return "full"
    if safe:
        return "fp16"
    return "pickle" if any(name.endswith((".bin", ".ckpt", ".pt")) for name in names) else ""


def _weights(place: BasePlace) -> list[Path]:
    """The files that hold the base, in a fixed order."""
    if place.path.is_file():
        return [place.path]
    return sorted(file for part in place.weights for file in (place.path / part).glob("*.safetensors"))


def _checkpoint(spec: FamilySpec, path: Path) -> BasePlace:
    if path.suffix != ".safetensors":
        raise BaseUnavailable(
            f"'{path.name}' is no .safetensors file. Pickled checkpoints can run code when opened; get the .safetensors one."
        )
    if _header(path) is None:
        raise BaseUnavailable(
            f"The checkpoint '{path.name}' is broken: its beginning is not a .safetensors file's. Download it again."
        )
    if "transformer" in spec.parts:
        # Its single files hold nothing but the transformer.
        beside = path.with_suffix("")
        if not (beside / "model_index.json").is_file():
            raise BaseUnavailable(
                f"'{path.name}' is a single file, and a {spec.title} comes as a folder in diffusers layout: name that (a hub id "
                f"such as {EXAMPLES[spec.name]}), or put the folder beside the file and call it '{beside.name}'."
            )
        _folder(spec, beside, BaseKind.FOLDER, beside.name)
    return BasePlace(BaseKind.CHECKPOINT, path.stem, path)


def _hub(spec: FamilySpec, ref: BaseModelRef) -> BasePlace:
    index = _cached_index(ref.source, ref.revision)
    if index is None:
        raise BaseUnavailable(
            f"The base model '{ref.source}' is not on this machine, and nothing is downloaded in mid-job. "
            f"Fetch it once with: likeness bases fetch {ref.source}"
        )
    return _folder(spec, index.parent, BaseKind.HUB, ref.source)


def _cached_index(source: str, revision: str | None) -> Path | None:
    """The model_index.json of a hub id in the local cache; BaseUnavailable for what can be no hub id."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        index = try_to_load_from_cache(source, "model_index.json", revision=revision)
    except HFValidationError as error:
        raise BaseUnavailable(f"'{source}' is neither a file or folder here nor a valid hub id.") from error
    return Path(index) if isinstance(index, str) else None


def _header(path: Path) -> Header | None:
    """Of a sound .safetensors file; None of any other."""
    try:
        return header.of_path(path, "checkpoint", path.stat().st_size)
    except BadInput:
        return None
