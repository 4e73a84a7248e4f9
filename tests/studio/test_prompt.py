from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.studio import prompt
from bot.studio.prompt import NamedLora, Prompt


def test_everything_at_once() -> None:
    asked = prompt.read(
        "a portrait of ohwx on the moon <lora:kat-gen0:0.8> --no glasses, a hat --seed 7 --steps 30 --cfg 6.5 --ar 3:2 --w 0.9"
    )
    assert asked == Prompt(
        words="a portrait of ohwx on the moon",
        negative="glasses, a hat",
        loras=(NamedLora("kat-gen0", 0.8),),
        seed=7,
        steps=30,
        cfg=6.5,
        strength=0.9,
        aspect=(3, 2),
    )


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("a cat", "a cat", {}),
        ("a cat -- on a mat", "a cat -- on a mat", {}),
        ("a well-known cat", "a well-known cat", {}),
        ("a cat --seed 7 on a mat", "a cat on a mat", {"seed": 7}),
        ("a cat —seed 7", "a cat", {"seed": 7}),
        ("a cat --seed=7", "a cat", {"seed": 7}),
        ("a cat\n--SEED 7", "a cat", {"seed": 7}),
        ("a cat --d 7 --s 20 --l 4", "a cat", {"seed": 7, "steps": 20, "cfg": 4.0}),
        ("a cat --w 512 --h 768", "a cat", {"width": 512, "height": 768}),
        ("a cat --no hat --no dog", "a cat", {"negative": "hat, dog"}),
        ("a cat --seed 7 --seed 7", "a cat", {"seed": 7}),
        ("a cat --sampler Euler a on a mat", "a cat on a mat", {"sampler": "Euler a"}),
        ("a cat --sampler euler on a mat", "a cat on a mat", {"sampler": "Euler"}),
        ("a cat --ss dpmpp_2m --cs 2", "a cat", {"sampler": "DPM++ 2M Karras", "clip_skip": 2}),
        ("a cat --sampler DPM++ 2M Karras --clip_skip 1", "a cat", {"sampler": "DPM++ 2M Karras", "clip_skip": 1}),
        ("a cat --hires", "a cat", {"hires": 1.5}),
        ("a cat --hires on a mat", "a cat on a mat", {"hires": 1.5}),
        ("a cat --upscale 2x on a mat --denoise 0.4", "a cat on a mat", {"hires": 2.0, "denoise": 0.4}),
        ("a cat --fast on a mat", "a cat on a mat", {"is_fast": True}),
        ("a cat --lora-guidance 2.5 --ls 0.2", "a cat", {"lora_guidance": 2.5, "lora_start": 0.2}),
        ("a cat --lg 0 on a mat", "a cat on a mat", {"lora_guidance": 0.0}),
        ("a cat --turbo --steps 4", "a cat", {"is_fast": True, "steps": 4}),
        ("<lora:x>", "", {"loras": (NamedLora("x", None),)}),
        ("a cat <LoRA:Kat Gen:-0.5>, sitting", "a cat , sitting", {"loras": (NamedLora("Kat Gen", -0.5),)}),
    ],
)
def test_forms(text: str, words: str, found: dict[str, object]) -> None:
    assert prompt.read(text) == Prompt(words=words, **found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a cat --sed 7", "Did you mean `--seed`?"),
        ("a cat --step 7", "Did you mean `--steps`?"),
        ("a cat --xyzzy 7", "There are `--seed`, `--no`"),
        ("a cat --seed", "`--seed` needs a value"),
        ("a cat --seed -1", "from 0 to 4294967295"),
        ("a cat --seed nan", "whole number"),
        ("a cat --steps 151", "from 1 to 150"),
        ("a cat --cfg nan", "from 0 to 30"),
        ("a cat --cfg 31", "from 0 to 30"),
        ("a cat --w 9", "weight from 0 to 4"),
        ("a cat --w inf", "weight from 0 to 4"),
        ("a cat --ar 1:9", "from 1:3 to 3:1"),
        ("a cat --ar 0:0", "from 1:3 to 3:1"),
        ("a cat --ar 1:1 --w 512", "contradict"),
        ("a cat --sampler eular", 'Did you mean "Euler'),
        ("a cat --sampler", "`--sampler` needs a value, like `--sampler Euler a`"),
        ("a cat --clip-skip 0", "from 1 to 12"),
        ("a cat --lora-guidance 31", "from 0 to 30, like `--lora-guidance 2`"),
        ("a cat --lora-start 1", "from 0 to 0.9, like `--lora-start 0.2`"),
        ("a cat --lora-guide 2", "Did you mean `--lora-guidance`?"),
        ("a cat --hires 9", "from 1 to 4"),
        ("a cat --denoise 0", "from 0.05 to 1"),
        ("a cat --seed 1 --seed 2", "given twice"),
        ("<lora:x:heavy>", "<lora:x:...>"),
        ("<lora:a><lora:b><lora:c><lora:d><lora:e>", "At most 4"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, part: str) -> None:
    with pytest.raises(UserError) as refused:
        prompt.read(text)
    assert part in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("a cat --n 4", "a cat", {"count": 4}),
        ("a cat --n 4 on a mat", "a cat on a mat", {"count": 4}),
        ("a cat --count 2 --n low quality", "a cat", {"count": 2, "negative": "low quality"}),
        ("a cat --weight 0.8 --scale 6 --fast", "a cat", {"strength": 0.8, "cfg": 6.0, "is_fast": True}),
        ("a cat --aspect 16:9 --turbo", "a cat", {"aspect": (16, 9), "is_fast": True}),
    ],
)
def test_as_people_know_it_from_elsewhere(text: str, words: str, found: dict[str, object]) -> None:
    assert prompt.read(text) == Prompt(words=words, **found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a cat --stylize 250", "nearest one here is `--cfg`"),
        ("a cat --s 250", "`--s` means steps here"),
        ("a cat --q 2", "nearest one here is `--steps`"),
        ("a cat --repeat 3", "nearest one here is `--n`, like `--n 2`"),
        ("a cat --v 6", "does nothing here: leave it out"),
        ("a cat --chaos 30", "does nothing here: leave it out"),
        ("a cat --lora kat", "in the option `lora`"),
        ("a cat --asppect 3:2", "Did you mean `--aspect`"),
        ("a cat --n 0", "`--n` is a whole number from 1"),
    ],
)
def test_what_is_known_elsewhere_only_is_said(text: str, part: str) -> None:
    with pytest.raises(UserError) as told:
        prompt.read(text)
    assert part in str(told.value)


def test_names_with_commas_between() -> None:
    assert prompt.read_named("kat-gen0") == (NamedLora("kat-gen0"),)
    assert prompt.read_named(" kat-gen0:0.8 , ghibli:-0.5,") == (NamedLora("kat-gen0", 0.8), NamedLora("ghibli", -0.5))
    assert prompt.read_named("") == ()
    with pytest.raises(UserError, match="is a number"):
        prompt.read_named("kat-gen0:strong")


def test_sizes_as_they_are_typed() -> None:
    assert prompt.read_size("3:2").aspect == (3, 2)
    assert [(p.width, p.height) for p in map(prompt.read_size, ("512x768", " 512 X 768 ", "512*768"))] == [
        (512, 768)
    ] * 3
    for wrong in ("large", "9:1", "10x512", "9999x9999"):
        with pytest.raises(UserError):
            prompt.read_size(wrong)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a portrait of ohwx", "a portrait of ohwx"),
        ("A portrait of OHWX person", "A portrait of OHWX person"),
        ("a portrait of a person on the moon", "a portrait of ohwx person on the moon"),
        ("The person, and a person", "ohwx person, and a person"),
        ("on the moon", "ohwx person, on the moon"),
        ("personal ohwxy things", "ohwx person, personal ohwxy things"),
        ("zwx person on the moon", "ohwx person, zwx person on the moon"),
        ("zwx person and person", "zwx person and ohwx person"),
        ("portrait of person", "portrait of ohwx person"),
        ("", "ohwx person"),
    ],
)
def test_the_trigger_goes_where_it_was_learnt(words: str, expected: str) -> None:
    assert prompt.with_trigger(words, "ohwx", "person") == expected


def test_an_aspect_keeps_the_area() -> None:
    assert prompt.size_of(prompt.read("x"), 512) == (None, None)
    assert prompt.size_of(prompt.read("x --ar 1:1"), 512) == (512, 512)
    assert prompt.size_of(prompt.read("x --ar 3:2"), 512) == (624, 416)
    assert prompt.size_of(prompt.read("x --w 700"), 512) == (704, 512)


OPTIONS = st.one_of(
    st.integers(0, 2**32 - 1).map(lambda n: ("seed", n, f"--seed {n}")),
    st.integers(1, 150).map(lambda n: ("steps", n, f"--steps {n}")),
    st.floats(0, 30).map(lambda n: ("cfg", n, f"--cfg {n!r}")),
    st.floats(0, 4).map(lambda n: ("strength", n, f"--w {n!r}")),
)
WORDS = st.lists(st.text("abcdefghij,.()äß", min_size=1, max_size=8), min_size=1, max_size=8)


@given(WORDS, st.lists(OPTIONS, max_size=4, unique_by=lambda option: option[0]), st.data())
def test_options_are_found_wherever_they_stand(
    words: list[str], options: list[tuple[str, float, str]], data: st.DataObject
) -> None:
    pieces = list(words)
    for _, _, text in options:
        pieces.insert(data.draw(st.integers(0, len(pieces))), text)
    asked = prompt.read(" ".join(pieces))
    assert asked.words == " ".join(words)
    for name, value, _ in options:
        assert getattr(asked, name) == value


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        asked = prompt.read(text)
    except UserError as refused:
        assert str(refused).endswith((".", "?"))
    else:
        assert asked.words == " ".join(asked.words.split())


@given(st.integers(64, 2048), st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([8, 16, 64]))
def test_a_size_divides_and_keeps_its_shape(side: int, across: int, down: int, multiple: int) -> None:
    if not 1 / 3 <= across / down <= 3:
        return
    width, height = prompt.size_of(Prompt("x", aspect=(across, down)), side, multiple)
    assert width is not None and height is not None
    assert width % multiple == height % multiple == 0
    assert abs(width - side * (across / down) ** 0.5) <= multiple
