"""Downloads a base from the hub: only the parts its family needs, only safetensors and configs, only when told to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from bot.bases import Record
from bot.errors import UserError
from engine.families.spec import FamilySpec

CONFIGS = (".json", ".txt", ".model", ".jinja")


@dataclass(frozen=True)
class Parcel:
    """What is downloaded."""

    files: tuple[str, ...]
    bytes: int


def choose(spec: FamilySpec, offered: Iterable[tuple[str, int]]) -> Parcel:
    """Of the files of a repository (path, bytes) those that make a base; UserError where they do not.

    Half-precision weights where every part has them: half the bytes, and a denoiser works in half precision anyway.
    """
    sizes = dict(offered)
    if "model_index.json" not in sizes:
        raise UserError("That repository holds no model_index.json, so it is no diffusers model. Name one that is.")
    inside = {path: PurePosixPath(path) for path in sizes if PurePosixPath(path).parent.name in spec.parts}
    inside = {path: parsed for path, parsed in inside.items() if len(parsed.parts) == 2}
    weights = {path: parsed for path, parsed in inside.items() if parsed.suffix == ".safetensors"}
    halves = {path for path, parsed in weights.items() if ".fp16" in parsed.name}
    wholes = set(weights) - halves
    for kind in (halves, wholes):
        if {weights[path].parts[0] for path in kind} >= set(spec.weights):
            chosen = kind
            break
    else:
        raise UserError(
            f"That repository has no .safetensors weights of every part that a {spec.title} base needs. Name one that has."
        )
    variants = {
        path for path, parsed in inside.items() if parsed.suffix in CONFIGS and _fits(path, halved=chosen is halves)
    }
    files = sorted({"model_index.json", *chosen, *variants})
    return Parcel(tuple(files), sum(sizes[path] for path in files))


def _fits(path: str, *, halved: bool) -> bool:
    """An index of sharded weights goes with the weights it lists."""
    return not path.endswith(".index.fp16.json" if not halved else ".safetensors.index.json") and not path.endswith(
        ".bin.index.json"
    )


def look(record: Record) -> Parcel:
    """What fetching `record` would download; asks the hub. UserError where it cannot be had."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError  # pyright: ignore[reportPrivateImportUsage]

    try:
        found = HfApi().model_info(record.ref.source, revision=record.ref.revision, files_metadata=True)
    except HFValidationError:
        raise UserError(
            f"'{record.ref.source}' is no hub id: only bases from the hub can be fetched. Write it as owner/name."
        ) from None
    except HfHubHTTPError as error:
        raise UserError(_why(record, getattr(error.response, "status_code", None))) from None
    except (HTTPError, OSError):
        raise UserError("The hub cannot be reached from here. Try again when there is a connection.") from None
    return choose(record.spec, [(file.rfilename, file.size or 0) for file in found.siblings or []])


def fetch(record: Record, parcel: Parcel) -> None:
    """Into the hub's own cache, with its own progress bars; what is there already is not downloaded again."""
    from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HTTPError,  # pyright: ignore[reportPrivateImportUsage]
        LocalEntryNotFoundError,
    )

    try:
        snapshot_download(record.ref.source, revision=record.ref.revision, allow_patterns=list(parcel.files))
    except LocalEntryNotFoundError:
        raise UserError("The hub cannot be reached from here. Try again when there is a connection.") from None
    except HfHubHTTPError as error:
        raise UserError(_why(record, getattr(error.response, "status_code", None))) from None
    except (HTTPError, OSError) as error:
        why = getattr(error, "strerror", None) or "no connection"
        raise UserError(f"The download stopped ({why}). The same command goes on from there.") from None


def _why(record: Record, status: int | None) -> str:
    source = record.ref.source
    if status in (401, 403):
        return f"The hub does not give {source} to everybody: agree to its terms there, then: hf auth login"
    if status == 404:
        at = f" at revision {record.ref.revision}" if record.ref.revision else ""
        return f"There is no {source}{at} on the hub. Look at its spelling, and at whether it is private."
    return f"The hub would not give {source} just now (status {status}). Try again later."
