"""Lengths and counts of components, as Discord's documentation states them: judged also where its schema is absent.

Each rule stands under the page that states it. What the schema carries as well is judged twice, by two hands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ROW, BUTTON, SELECTS, TEXT_INPUT, LABEL, UPLOAD, CHECKS = 1, 2, (3, 5, 6, 7, 8), 4, 18, 19, (21, 22)
MENU = 3
LINK, PREMIUM = 5, 6

LONGEST = {
    # components/reference#button
    (BUTTON, "label"): 80,
    # components/reference: custom_id of every interactive component, 1-100.
    (None, "custom_id"): 100,
    # components/reference#string-select and the other selects
    **{(kind, "placeholder"): 150 for kind in SELECTS},
    # components/reference#text-input
    (TEXT_INPUT, "placeholder"): 100,
    (TEXT_INPUT, "value"): 4000,
    # components/reference#label
    (LABEL, "label"): 45,
    (LABEL, "description"): 100,
}
OPTION = {"label": 100, "value": 100, "description": 100}
"""components/reference#string-select-select-option-structure"""


def length_problems(parts: list[dict[str, Any]]) -> list[str]:
    """`parts`: every component, nested ones included."""
    return [problem for part in parts for problem in _problems(part)]


def _problems(part: dict[str, Any]) -> Iterator[str]:
    kind = part.get("type")
    for (of, key), most in LONGEST.items():
        if of in (None, kind) and len(part.get(key) or "") > most:
            yield f"{key} over {most}"
    if kind == BUTTON:
        # components/reference#button: a custom_id, or for links a url and for purchases a sku_id.
        if part.get("style") not in (LINK, PREMIUM) and not part.get("custom_id"):
            yield "a button without custom_id"
        if not part.get("label") and not part.get("emoji"):
            yield "a button with nothing on it"
    if kind == MENU:
        yield from _menu(part)
    elif kind in CHECKS:
        yield from _choices(part, 1 if kind == 22 else 2, 10)
    if kind == ROW:
        # components/reference#action-row: up to five buttons, or one select.
        held = [inner.get("type") for inner in part.get("components") or []]
        if any(one in SELECTS for one in held) and len(held) > 1:
            yield "a select that is not alone in its row"
    # components/reference#media-gallery: 1-10 items.
    if kind == 12 and not 1 <= len(part.get("items") or []) <= 10:
        yield "a gallery of none or more than 10"


def _menu(part: dict[str, Any]) -> Iterator[str]:
    yield from _choices(part, 1, 25)
    count, low, high = len(part.get("options") or []), part.get("min_values", 1), part.get("max_values", 1)
    # components/reference#string-select: min_values 0-25, max_values 1-25, never more than there are options.
    if not 0 <= low <= high <= max(count, 1):
        yield f"between {low} and {high} of {count} options"
    if sum(bool(option.get("default")) for option in part.get("options") or []) > high:
        yield "more options chosen already than may be"


def _choices(part: dict[str, Any], fewest: int, most: int) -> Iterator[str]:
    options = part.get("options") or []
    if not fewest <= len(options) <= most:
        yield f"{len(options)} options, {fewest} to {most} are allowed"
    values = [option.get("value") for option in options]
    if len(values) != len(set(values)):
        yield "an option's value comes twice"
    for option in options:
        for key, longest in OPTION.items():
            if len(option.get(key) or "") > longest:
                yield f"an option's {key} over {longest}"
        if not option.get("label") or not option.get("value"):
            yield "an option without label or value"
