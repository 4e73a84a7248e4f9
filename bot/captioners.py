"""The captioner of config.toml: whether it is on this machine, and fetching it. Only ever when told to, never inside a job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bot.config import Settings
from bot.errors import UserError
from engine.captioning import FETCHED, PUBLISHED, Captioner, Published, place_of

NAME = "captions"
"""By which `likeness models` calls it."""
Download = Callable[..., str]


def wanted(settings: Settings) -> tuple[Captioner, Published | None]:
    """What would be fetched: the model that is named, else the best published one."""
    kind = Captioner(settings.captions.captioner)
    if kind in (Captioner.TEMPLATE, Captioner.MINIATURE):
        return kind, None
    kind = Captioner.FLORENCE2 if kind is Captioner.AUTO else kind
    model = settings.captions.model
    known = next((one for one in PUBLISHED[kind] if one.source == model), None)
    return kind, known or (Published(model, "as its page on the hub says", 0) if model else PUBLISHED[kind][0])


def place(settings: Settings) -> Path | None:
    """Where it lies; None where it is not here, or where no model is asked for."""
    kind, model = wanted(settings)
    return None if model is None else place_of(kind, model.source)


def problem(settings: Settings) -> str:
    """What is wrong with the captioner of the config, and what to do; "" when all is well. "auto" is never wrong."""
    kind, model = wanted(settings)
    if settings.captions.captioner == Captioner.AUTO or model is None or place_of(kind, model.source) is not None:
        return ""
    return (
        f"captions.captioner: {kind} is asked for and {model.source} is not on this machine, so captions start from "
        f'the template. Fix: likeness models fetch {NAME}, or write captioner = "template".'
    )


def fetch(settings: Settings, download: Download | None = None) -> Path:
    """Into the hub's own cache: weights as .safetensors and configs, no code. UserError where it cannot be had."""
    kind, model = wanted(settings)
    if model is None:
        raise UserError(
            f'captions.captioner is "{kind}", which needs no model. Name blip or florence2 to have one fetched.'
        )
    here = place_of(kind, model.source)
    if here is not None:
        return here
    if Path(model.source).expanduser().is_dir() or model.source.count("/") != 1:
        raise UserError(
            f"captions.model: {model.source} holds no captioner (a config.json and a model.safetensors), and is no hub id. "
            "Name another folder, or leave the key out."
        )
    from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        (download or snapshot_download)(model.source, allow_patterns=list(FETCHED))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        raise UserError(
            f"{model.source} cannot be fetched: the hub cannot be reached, or does not have it. Try again when there is a "
            "connection; the same command goes on from where it stopped."
        ) from None
    found = place_of(kind, model.source)
    if found is None:
        raise UserError(f"{model.source} came without a model.safetensors, so it is not used. Name another one.")
    return found
