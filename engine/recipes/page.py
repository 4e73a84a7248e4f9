"""docs/recipes.md, made from the record, its keys and the presets, so that the page cannot say anything else than the code."""

from __future__ import annotations

from engine.protocol import BaseModelRef, SubjectKind
from engine.recipes.keys import OTHERWISE, SECTIONS
from engine.recipes.options import OPTIMIZERS
from engine.recipes.presets import FAMILIES, PRESETS, recipe_for
from engine.recipes.recipe import Recipe
from engine.recipes.values import allowed, effect, plain, toml

PHOTOS = 20

BEGIN = """# Recipes

Made by `likeness recipe docs`; a test holds it against the code.

A recipe is everything that decides a training. Nobody has to write one: the presets *quick*, *balanced* and *thorough*
are recipes for every kind of subject, family of base and number of photos. Who wants control writes down what differs:

```toml
preset = "balanced"

network_dim = 8
lr_scheduler = "cosine_with_restarts"
optimizer_type = "Prodigy"
```

and gives it to `likeness train photos/ --trigger ohwx --recipe my.toml --out out/`. Keys are kohya's where kohya has one,
and may stand in tables of any name. `likeness recipe check my.toml` says everything that is wrong with a file,
`likeness recipe show balanced --kind style` prints a preset as a file to start from. An unknown key or an impossible
value is named together with the nearest right one, and nothing starts.

An **exposure** is one image shown once. Length is counted in exposures, so that an epoch means the same whatever the
number of photos.

## Presets

"""


def page() -> str:
    """The whole page."""
    parts = [BEGIN, _presets(), "\n"]
    for section, keys in SECTIONS:
        parts.append(f"## {section}\n\n| key | left out | allowed | what it does |\n|---|---|---|---|\n")
        for key, field in keys:
            default = Recipe.model_fields[field].get_default(call_default_factory=True)
            shown = toml(0 if default is None else default)
            parts.append(f"| `{key}` | `{shown}` | {_cell(allowed(field))} | {_cell(' '.join(effect(field)))} |\n")
        parts.append("\n")
    parts.append(
        '"Left out" is what counts where no preset lies underneath; a preset\'s own values go before it.\n\n'
        "## Options of the optimizers\n\n| optimizer | option | left out | what it does |\n|---|---|---|---|\n"
    )
    for name, options in OPTIMIZERS.items():
        for option, rule in options.items():
            parts.append(f"| {name} | `{option}` | `{_default(rule.default)}` | {_cell(rule.effect)} |\n")
    parts.append("\n## Words of kohya's that are no keys here\n\n| word | instead |\n|---|---|\n")
    parts += [f"| `{word}` | {_cell(instead)} |\n" for word, instead in OTHERWISE.items()]
    return "".join(parts)


def _presets() -> str:
    lines = [
        f"With {PHOTOS} photos. Why each number is what it is stands beside it in `engine/recipes/presets.py`.\n\n",
        "| family | subject | preset | exposures | epochs | rank / alpha | conv | rates | picture |\n",
        "|---|---|---|---|---|---|---|---|---|\n",
    ]
    for family in FAMILIES:
        base = BaseModelRef(family=family, source="a base")
        for kind in SubjectKind:
            for name in PRESETS if kind is SubjectKind.PERSON else ("balanced",):
                recipe = recipe_for(name, base, kind, PHOTOS)
                conv = f"{recipe.conv_rank} / {plain(recipe.conv_alpha)}" if recipe.conv_rank else "–"
                text = f" / {plain(recipe.text_encoder_lr)}" if recipe.text_encoder_lr else ""
                size = f"{recipe.rank} / {plain(recipe.alpha)}"
                lines.append(
                    f"| {family} | {kind} | {name} | {recipe.exposures} | {recipe.epochs} | {size} "
                    f"| {conv} | {plain(recipe.unet_lr)}{text} | {recipe.resolution} px{', mirrored' if recipe.flip else ''} |\n"
                )
    return "".join(lines)


def _default(value: object) -> str:
    return toml(value) if value != float("inf") else "none"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
