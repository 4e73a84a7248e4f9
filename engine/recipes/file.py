"""Recipes as TOML files: read with all mistakes at once, each with the nearest right word; written with their meaning.

A file holds what differs from a preset. Its keys may stand in tables of any name, as in kohya's files.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from engine.errors import BadInput
from engine.recipes.keys import FIELDS, KEYS, OTHERWISE, SECTIONS
from engine.recipes.recipe import Optimizer, Recipe, conflicts
from engine.recipes.values import checked, effect, toml

GRANTED = {"decouple": True, "scale_parameter": False, "relative_step": False, "warmup_init": False}
"""Options of Prodigy and Adafactor, with the only value they have here."""


class RecipeError(BadInput):
    """The recipe cannot be used; `problems` has one sentence for each mistake, and the message is all of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """What a file says, by field: each value possible by itself."""

    changes: Mapping[str, Any]

    @property
    def preset(self) -> str | None:
        return self.changes.get("preset")

    def over(self, underneath: Recipe, photos: int) -> Recipe:
        """The whole recipe for so many photos. RecipeError where the file and what lies underneath do not go together."""
        changes = dict(self.changes)
        if changes.get("optimizer") is Optimizer.PRODIGY:
            changes.setdefault("unet_lr", 1.0)
            changes.setdefault("embedding_lr", 1.0)
            changes.setdefault("text_encoder_lr", 1.0 if underneath.text_encoder_lr else 0.0)
        if "rank" in changes and "alpha" not in changes:
            # In proportion, so that the same learning rate goes on being the right one.
            changes["alpha"] = underneath.alpha * changes["rank"] / underneath.rank
        if changes.get("debiased") and "min_snr_gamma" not in changes:
            changes["min_snr_gamma"] = None
        whole = underneath.model_copy(update=changes)
        if whole.repeats:
            whole = whole.model_copy(update={"exposures": max(1, photos) * whole.repeats * whole.epochs})
        problems = [f"{KEYS[field]}: {sentence}" for field, sentence in conflicts(whole)]
        if problems:
            raise RecipeError(problems)
        return whole


def read(text: str) -> RecipeFile:
    """What a recipe in TOML says. RecipeError names every mistake in it."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError([f"The recipe is no valid TOML: {error}."]) from None
    problems: list[str] = []
    changes: dict[str, Any] = {}
    seen: set[str] = set()
    for key, value in _flat(given):
        field = FIELDS.get(key)
        if field is None:
            problems.append(_unknown(key))
        elif field in seen:
            problems.append(f"{key}: it stands there twice; leave one.")
        else:
            seen.add(field)
            try:
                changes[field] = checked(field, value)
            except ValueError as error:
                problems.append(f"{key}: {error}")
    changes = _settled(changes)
    if problems:
        # What contradicts itself inside the file is told together with the rest.
        try:
            RecipeFile(changes).over(Recipe(), photos=1)
        except RecipeError as error:
            problems += error.problems
        raise RecipeError(problems)
    return RecipeFile(changes)


def _settled(changes: dict[str, Any]) -> dict[str, Any]:
    """Options that kohya's users write beside an optimizer and that have a key of their own here, or go without saying."""
    options = dict(changes.get("optimizer_args", {}))
    decay = options.pop("weight_decay", None)
    options = {name: value for name, value in options.items() if GRANTED.get(name) is not value}
    settled = {**changes, "optimizer_args": options} if "optimizer_args" in changes else changes
    return settled if decay is None else {"weight_decay": decay, **settled}


def write(recipe: Recipe, title: str = "") -> str:
    """The whole recipe as a file, every key with what it does; `read` takes it back as it is."""
    lines = [f"# {title}", ""] if title else []
    for section, keys in SECTIONS:
        lines += [f"# ---- {section}", ""]
        for key, field in keys:
            value = getattr(recipe, field)
            lines += [f"# {line}" for line in effect(field)]
            lines.append(f"{key} = {toml(0 if value is None else value)}")
        lines.append("")
    return "\n".join(lines)


def _flat(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in given.items():
        if isinstance(value, dict) and key != "optimizer_args":
            yield from _flat(cast(dict[str, Any], value))
        else:
            yield key, value


def _unknown(key: str) -> str:
    if key in OTHERWISE:
        return f"{key}: there is no such key here; {OTHERWISE[key]}."
    nearest = difflib.get_close_matches(key, [*FIELDS, *KEYS], n=1, cutoff=0.55)
    if not nearest:
        return f"{key}: there is no such key; `likeness recipe docs` lists them all."
    return f"{key}: there is no such key; did you mean {KEYS.get(nearest[0], nearest[0])}?"
