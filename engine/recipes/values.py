"""One value of a recipe: what it may be in words, and whether something given is it. The record's own types are the rules."""

from __future__ import annotations

import difflib
import math
import types
from enum import StrEnum
from typing import Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from engine.recipes.options import Value
from engine.recipes.recipe import Recipe

NO_END = 2**53
"""Upper bounds from here on are the computer's, not the recipe's."""
KIND_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes", dict: "a table"}
ZERO_IS_OFF = "min_snr_gamma"
"""TOML has no word for "none"; kohya writes 0."""


def allowed(field: str) -> str:
    """In words: "1 to 256", "true or false", "attn, attn-mlp, full"."""
    info = Recipe.model_fields[field]
    words, kind = _words(info), _kind(info)
    if words:
        return ", ".join(words)
    if kind not in (int, float):
        return "text" if kind is str else KIND_WORDS[kind]
    low, high, above, below = _bounds(info)
    if high is None and (below is None or below >= NO_END):
        return f"{plain(low or 0)} or more"
    end = f"below {plain(below)}" if below is not None else f"at most {plain(high or 0)}"
    if above is not None:
        return f"{'0, or ' if field == ZERO_IS_OFF else ''}above {plain(above)}, {end}"
    return f"{plain(low or 0)} to {plain(high)}" if high is not None else f"{plain(low or 0)} or more, {end}"


def effect(field: str) -> list[str]:
    """What a field does, line by line."""
    return [line.strip() for line in (Recipe.model_fields[field].description or "").splitlines()]


def checked(field: str, value: Any) -> Any:
    """`value`, read from TOML, as the record takes it. ValueError: a sentence with what is allowed and the nearest."""
    info = Recipe.model_fields[field]
    words, kind = _words(info), _kind(info)
    if words:
        return _word(words, info, value)
    if kind is dict:
        return _options(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        value = round(value)
    fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        near = kind is int and isinstance(value, float) and math.isfinite(value)
        hint = f"; the nearest is {plain(_nearest(info, round(value)))}" if near else ""
        raise ValueError(f"{shown(value)} is not {KIND_WORDS[kind]}{hint}.")
    if kind is str:
        length = len(cast(str, value))
        longest = next((rule.max_length for rule in info.metadata if isinstance(rule, MaxLen)), length)
        if length > longest:
            raise ValueError(f"it has {length} characters; at most {longest} are allowed.")
    elif kind is not bool:
        if field == ZERO_IS_OFF and value == 0:
            return None
        nearest = _nearest(info, value)
        if nearest != value:
            raise ValueError(
                f"{shown(value)} is not possible; allowed is {allowed(field)}; the nearest is {plain(nearest)}."
            )
        return kind(value)
    return value


def toml(value: object) -> str:
    """`value` as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{escaped}"'
    if isinstance(value, tuple):
        return f"[{', '.join(toml(one) for one in cast(tuple[object, ...], value))}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{key} = {toml(one)}" for key, one in cast(dict[str, object], value).items())
        return f"{{ {inside} }}" if inside else "{}"
    return plain(value) if isinstance(value, int | float) else repr(value)


def plain(number: float) -> str:
    """16, 0.0005, 1e-06: as short as it can be without losing anything."""
    if float(number).is_integer() and abs(number) < NO_END:
        return str(round(number))
    return repr(float(number))


def shown(value: object) -> str:
    """What somebody gave, in a sentence."""
    text = toml(value) if isinstance(value, bool | str | int) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _word(words: list[str], info: FieldInfo, value: object) -> object:
    if isinstance(value, str) and value in words:
        kind = info.annotation
        return kind(value) if isinstance(kind, type) and issubclass(kind, StrEnum) else value
    lower = {word.lower(): word for word in words}
    nearest = difflib.get_close_matches(str(value).lower(), lower, n=1, cutoff=0.4)
    hint = f"; the nearest is {lower[nearest[0]]}" if nearest else ""
    raise ValueError(f"{shown(value)} is not possible; allowed is {', '.join(words)}{hint}.")


def _options(value: object) -> dict[str, Value]:
    """A table, or kohya's form: ["betas=0.9,0.99", "use_bias_correction=True"]."""
    given = _pairs(cast(list[object], value)) if isinstance(value, list) else value
    try:
        return TypeAdapter(dict[str, Value]).validate_python(given)
    except ValidationError:
        raise ValueError(
            "it is a table of numbers, pairs of numbers, true and false, for example { betas = [0.9, 0.99] }."
        ) from None


def _pairs(values: list[object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for one in values:
        name, _, text = str(one).partition("=")
        try:
            numbers = tuple(float(part) for part in text.strip("()[] ").split(","))
        except ValueError:
            found[name.strip()] = {"true": True, "false": False}.get(text.strip().lower(), text)
        else:
            found[name.strip()] = numbers if len(numbers) != 1 else numbers[0]
    return found


def _words(info: FieldInfo) -> list[str]:
    kind = info.annotation
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return [word.value for word in kind]
    return [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []


def _kind(info: FieldInfo) -> type:
    kind: Any = info.annotation
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(one for one in get_args(kind) if one is not type(None))
    return get_origin(kind) or kind


def _bounds(info: FieldInfo) -> tuple[float | None, float | None, float | None, float | None]:
    """At least, at most, above, below."""

    def bound(rule: type, name: str) -> float | None:
        return next((getattr(one, name) for one in info.metadata if isinstance(one, rule)), None)

    return bound(Ge, "ge"), bound(Le, "le"), bound(Gt, "gt"), bound(Lt, "lt")


def _nearest(info: FieldInfo, value: float) -> float:
    """`value` where it is possible. Of an open bound there is no nearest: then what counts when the key is left out."""
    low, high, above, below = _bounds(info)
    if math.isnan(value):
        return cast(float, info.default)
    if low is not None and value < low:
        return low
    if high is not None and value > high:
        return high
    if (above is not None and value <= above) or (below is not None and value >= below):
        return cast(float, info.default)
    return value
