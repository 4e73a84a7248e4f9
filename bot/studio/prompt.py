"""The prompt as people type it: words, `<lora:name:0.8>`, and options that start with two dashes.

    a portrait of ohwx on the moon <lora:kat-gen0:0.8> --no glasses, hat --seed 7 --steps 30 --cfg 6 --ar 3:2 --w 0.9
    a bar at night --sampler Euler a --clip-skip 2 --hires 2 --denoise 0.4        a quick look --fast --n 2

`--w` is the LoRA's weight up to 4 and a width in pixels from 16 up, and `--n` a number of pictures where a whole number
follows and else what should not be seen, as the habits of several communities have it. The short names are those of kohya's
sample prompts. Phones turn two dashes into one long one: both are read.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from bot.errors import UserError
from bot.language import say
from engine import samplers

SEED_BELOW = 2**32
HEAVIEST = 4.0
NARROWEST_PX = 16
WIDEST_PX = 4096
MOST_LORAS = 4
LORA = re.compile(r"<lora:([^:<>]+)(?::([^<>:]*))?>", re.IGNORECASE)
USUAL_HIRES = 1.5
LARGEST_HIRES = 4.0
OPTION = re.compile(r"(?:(?<=\s)|^)(?:--|—|–)([A-Za-z][A-Za-z_-]*)(?:[ =]|$)")
NAMES = {
    "seed": "seed", "d": "seed",
    "no": "no", "negative": "no",
    "n": "n", "count": "n", "number": "n",
    "steps": "steps", "s": "steps",
    "cfg": "cfg", "l": "cfg", "scale": "cfg",
    "w": "w", "weight": "w", "strength": "w", "width": "w",
    "h": "h", "height": "h",
    "ar": "ar", "aspect": "ar",
    "sampler": "sampler", "ss": "sampler",
    "clip-skip": "clip-skip", "clipskip": "clip-skip", "cs": "clip-skip",
    "hires": "hires", "hr": "hires", "upscale": "hires",
    "denoise": "denoise", "denoising": "denoise",
    "lora-guidance": "lora-guidance", "lg": "lora-guidance",
    "lora-start": "lora-start", "ls": "lora-start",
    "fast": "fast", "turbo": "fast",
}  # fmt: skip
SHOWN = (
    "seed", "no", "n", "steps", "cfg", "w", "h", "ar", "sampler", "clip-skip", "hires", "denoise", "fast", "lora-guidance",
    "lora-start",
)  # fmt: skip
ELSEWHERE = {
    "stylize": "cfg", "quality": "steps", "q": "steps", "stop": "steps", "repeat": "n", "r": "n", "iw": "denoise",
    "chaos": "", "c": "", "weird": "", "tile": "", "style": "", "raw": "", "version": "", "v": "", "niji": "",
    "relax": "", "sref": "", "cref": "", "oref": "", "profile": "", "p": "",
}  # fmt: skip
"""Options that people know from Midjourney -> what comes nearest here; "" where nothing does."""
MOST_STEPS = 150


@dataclass(frozen=True)
class NamedLora:
    name: str
    strength: float | None = None


@dataclass(frozen=True)
class Prompt:
    """What was asked for; None where nothing was said."""

    words: str = field(repr=False)
    negative: str = field(default="", repr=False)
    loras: tuple[NamedLora, ...] = ()
    seed: int | None = None
    steps: int | None = None
    cfg: float | None = None
    strength: float | None = None
    width: int | None = None
    height: int | None = None
    aspect: tuple[int, int] | None = None
    sampler: str | None = None
    """As `engine.samplers` has it."""
    clip_skip: int | None = None
    """As A1111 counts: 1 skips nothing."""
    hires: float | None = None
    """How many times larger the second pass is."""
    denoise: float | None = None
    lora_guidance: float | None = None
    lora_start: float | None = None
    is_fast: bool = False
    count: int | None = None


def read(text: str) -> Prompt:
    """UserError names what cannot be read and what was probably meant."""
    text, loras = _take_loras(text)
    words, options = _take_options(text)
    weight, width = _weight_or_width(options.get("w"))
    height = None if "h" not in options else _whole("h", options["h"], NARROWEST_PX, WIDEST_PX)
    aspect = None if "ar" not in options else _aspect(options["ar"])
    if aspect and (width or height):
        raise UserError(say("`--ar` and a width or height contradict each other: keep one of them."))
    return Prompt(
        words=words,
        negative=options.get("no", ""),
        loras=loras,
        seed=None if "seed" not in options else _whole("seed", options["seed"], 0, SEED_BELOW - 1),
        steps=None if "steps" not in options else _whole("steps", options["steps"], 1, MOST_STEPS),
        cfg=None if "cfg" not in options else _number("cfg", options["cfg"], 0, 30),
        strength=weight,
        width=width,
        height=height,
        aspect=aspect,
        sampler=options.get("sampler"),
        clip_skip=None if "clip-skip" not in options else _whole("clip-skip", options["clip-skip"], 1, 12),
        hires=None if "hires" not in options else _number("hires", options["hires"].strip("xX"), 1, LARGEST_HIRES),
        denoise=None if "denoise" not in options else _number("denoise", options["denoise"], 0.05, 1),
        lora_guidance=None
        if "lora-guidance" not in options
        else _number("lora-guidance", options["lora-guidance"], 0, 30),
        lora_start=None if "lora-start" not in options else _number("lora-start", options["lora-start"], 0, 0.9),
        is_fast="fast" in options,
        count=None if "n" not in options else _whole("n", options["n"], 1, 99),
    )


def read_named(text: str) -> tuple[NamedLora, ...]:
    """LoRAs by name, with commas between and a strength behind a colon: "kat-gen0, ghibli:0.6"."""
    found: list[NamedLora] = []
    for part in text.split(","):
        name, colon, strength = part.strip().rpartition(":") if ":" in part else (part.strip(), "", "")
        if name:
            found.append(_named(name, strength if colon else ""))
    return tuple(found)


def read_size(text: str) -> Prompt:
    """A size as it may be typed: "3:2" as behind `--ar`, or "512x768". Its other fields say nothing."""
    pixels = re.fullmatch(r"\s*(\d{2,5})\s*[x\N{MULTIPLICATION SIGN}*]\s*(\d{2,5})\s*", text, re.IGNORECASE)
    if pixels is None:
        return Prompt("", aspect=_aspect(text.strip()))
    wide, high = (_whole(name, side, NARROWEST_PX, WIDEST_PX) for name, side in zip("wh", pixels.groups(), strict=True))
    return Prompt("", width=wide, height=high)


def has_word(text: str, word: str) -> bool:
    """Whether `word` stands in `text` as a word of its own, whatever the case of its letters."""
    return _as_word(word).search(text) is not None


def with_trigger(words: str, trigger: str, class_word: str) -> str:
    """`words` with the trigger put where it was learnt: before a class word that is nobody's yet, else in front."""
    if has_word(words, trigger):
        return words
    free = r"(?:\b(?:a|an|the)\s+|^|(?<=of )|(?<=and )|(?<=with ))"
    named = re.compile(rf"{free}{re.escape(class_word)}(?![\w-])", re.IGNORECASE)
    if class_word and named.search(words):
        return named.sub(f"{trigger} {class_word}", words, count=1)
    subject = f"{trigger} {class_word}".strip()
    return f"{subject}, {words}" if words else subject


def size_of(asked: Prompt, side: int, multiple: int = 8) -> tuple[int | None, int | None]:
    """Width and height in pixels for a base trained at `side`; (None, None) where nothing was said.

    An aspect keeps the area of the base's own square, which is where the base paints best.
    """
    if asked.aspect:
        across, down = asked.aspect
        width = side * (across / down) ** 0.5
        return _to_multiple(width, multiple), _to_multiple(side * side / width, multiple)
    if asked.width is None and asked.height is None:
        return None, None
    return _to_multiple(asked.width or side, multiple), _to_multiple(asked.height or side, multiple)


def _take_loras(text: str) -> tuple[str, tuple[NamedLora, ...]]:
    found: list[NamedLora] = []
    for match in LORA.finditer(text):
        found.append(_named(match.group(1).strip(), match.group(2) or ""))
    check_number_of_loras(len(found))
    return LORA.sub(" ", text), tuple(found)


def check_number_of_loras(count: int) -> None:
    if count > MOST_LORAS:
        raise UserError(
            say(
                "At most {most} LoRAs go into one picture; {count} are named. Leave some out.",
                most=MOST_LORAS,
                count=count,
            )
        )


def _named(name: str, strength: str) -> NamedLora:
    return NamedLora(name, None if not strength else _number(f"lora:{name}", strength, -HEAVIEST, HEAVIEST))


def _take_options(text: str) -> tuple[str, dict[str, str]]:
    """The words outside of options, and each option's value. `--no` takes all up to the next option, others one word."""
    text = " ".join(text.split())
    starts = list(OPTION.finditer(text))
    ends = [*(match.start() for match in starts[1:]), len(text)]
    words = [text[: starts[0].start()] if starts else text]
    options: dict[str, str] = {}
    for match, end in zip(starts, ends, strict=False):
        given = match.group(1).lower().replace("_", "-")
        if given not in NAMES:
            raise UserError(_unknown(given))
        rest = text[match.end() : end].strip()
        name = "no" if given == "n" and not rest.partition(" ")[0].isdecimal() else NAMES[given]
        value, after = _value(name, rest)
        if not value:
            raise UserError(say("`--{option}` needs a value, like `{example}`.", option=given, example=_example(name)))
        if given == "s" and value.isdecimal() and int(value) > MOST_STEPS:
            raise UserError(
                say(
                    "`--s` means steps here, from 1 to {most}. How closely the prompt is followed is said by `--cfg`, like "
                    "`--cfg 7`.",
                    most=MOST_STEPS,
                )
            )
        if name in options and options[name] != value and name != "no":
            raise UserError(say("`--{option}` is given twice: keep one of them.", option=given))
        options[name] = f"{options[name]}, {value}" if name == "no" and "no" in options else value
        words.append(after)
    return " ".join(" ".join(words).split()), options


def _value(name: str, rest: str) -> tuple[str, str]:
    """What of `rest` belongs to the option, and the words after it."""
    first, _, after = rest.partition(" ")
    if name == "no":
        return rest, ""
    if name == "fast":
        return "yes", rest
    if name == "hires" and not re.fullmatch(r"x?\d+(\.\d+)?x?", first, re.IGNORECASE):
        return f"{USUAL_HIRES:g}", rest
    if name == "sampler" and first:
        words = rest.split()
        for count in range(min(samplers.LONGEST, len(words)), 0, -1):
            found = samplers.find(" ".join(words[:count]))
            if found:
                return found.name, " ".join(words[count:])
        raise UserError(samplers.unknown(first))
    return first, after


def _unknown(given: str) -> str:
    if given in ELSEWHERE:
        nearest = ELSEWHERE[given]
        if not nearest:
            return say("`--{option}` is an option of other bots and does nothing here: leave it out.", option=given)
        return say(
            "`--{option}` is an option of other bots. The nearest one here is `--{nearest}`, like `{example}`.",
            option=given,
            nearest=nearest,
            example=_example(nearest),
        )
    if given in ("lora", "loras"):
        return say("A LoRA is named like `<lora:name:0.8>` in the prompt, or in the option `lora` of the command.")
    nearest = difflib.get_close_matches(given, [name for name in NAMES if len(name) > 1], n=1, cutoff=0.5)
    if nearest:
        return say("There is no option `--{option}`. Did you mean `--{nearest}`?", option=given, nearest=nearest[0])
    known = ", ".join(f"`--{name}`" for name in SHOWN)
    return say("There is no option `--{option}`. There are {known}.", option=given, known=known)


def _example(name: str) -> str:
    values = {
        "seed": "7", "no": "glasses", "n": "2", "steps": "25", "cfg": "5", "w": "0.8", "h": "512", "ar": "3:2",
        "sampler": "Euler a", "clip-skip": "2", "hires": "2", "denoise": "0.5", "lora-guidance": "2", "lora-start": "0.2",
    }  # fmt: skip
    return f"--{name} {values[name]}"


def _whole(name: str, text: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise UserError(
            say(
                "`--{option}` is a whole number from {low} to {high}, like `{example}`.",
                option=name,
                low=low,
                high=high,
                example=_example(name),
            )
        )
    return value


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        if name not in SHOWN:
            raise UserError(
                say(
                    "The weight in `<{lora}:...>` is a number from {low} to {high}, like 0.8.",
                    lora=name,
                    low=f"{low:g}",
                    high=f"{high:g}",
                )
            )
        raise UserError(
            say(
                "`--{option}` is a number from {low} to {high}, like `{example}`.",
                option=name,
                low=f"{low:g}",
                high=f"{high:g}",
                example=_example(name),
            )
        )
    return value


def _weight_or_width(text: str | None) -> tuple[float | None, int | None]:
    if text is None:
        return None, None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 <= value <= HEAVIEST:
        return value, None
    if NARROWEST_PX <= value <= WIDEST_PX and value == int(value):
        return None, int(value)
    raise UserError(
        say(
            "`--w` is the LoRA's weight from 0 to {heaviest}, like `--w 0.8`, or a width in pixels from {narrowest} to {widest}.",
            heaviest=f"{HEAVIEST:g}",
            narrowest=NARROWEST_PX,
            widest=WIDEST_PX,
        )
    )


def _aspect(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})[:x/](\d{1,4})", text)
    across, down = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
    if not across or not down or not 1 / 3 <= across / down <= 3:
        raise UserError(say("`--ar` is width to height, from 1:3 to 3:1, like `--ar 3:2`."))
    return across, down


def _to_multiple(pixels: float, multiple: int) -> int:
    return max(multiple, round(pixels / multiple) * multiple)


def _as_word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])", re.IGNORECASE)
