"""Extra pictures per epoch that are looked at and never shown: each costs as much as a preview.

The subject in scenes the previews do not have, since four prompts tell little of what others will give; and what the LoRA does
where nobody asked for it: the class alone twice, and one thing that has nothing to do with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.protocol import PreviewPrompt, SubjectKind

ELSEWHERE = "a lighthouse by the sea"
"""A prompt off every dataset. A base that knows no lighthouse still paints something, and that should stay too."""


_LIVING = (
    "smiling, in a forest", "sad, at the beach", "wearing a blue suit, on a purple background", "surprised, wearing headphones",
    "angry, wearing a black hoodie", "wearing round glasses, in the city at night",
)  # fmt: skip
SCENES = {
    SubjectKind.PERSON: _LIVING,
    SubjectKind.CHARACTER: _LIVING,
    SubjectKind.PET: ("asleep", "on a beach", "in the snow", "on a blue background", "in a room", "in sunglasses"),
    SubjectKind.OBJECT: ("on a table", "in a forest", "in the snow", "on a blue background", "in a hand", "at night"),
    SubjectKind.STYLE: ("a tree", "a dog", "a ship at sea", "a mountain", "a chair", "a street in the rain"),
}
FAR = 1000
"""Seeds of the subject's probes begin this far behind the first preview's, so that no picture is begun from one's noise."""


@dataclass(frozen=True, slots=True)
class Probes:
    of_subject: tuple[PreviewPrompt, ...]
    """The subject in `SCENES`; none where the first preview does not say it by its trigger before the first comma."""
    of_class: tuple[PreviewPrompt, ...]
    """The class without the trigger: "a portrait of a person"."""
    elsewhere: tuple[PreviewPrompt, ...]

    @property
    def all(self) -> tuple[PreviewPrompt, ...]:
        return (*self.of_subject, *self.of_class, *self.elsewhere)


def probes(previews: Sequence[PreviewPrompt], kind: SubjectKind, trigger: str, class_word: str) -> Probes:
    """From the previews' prompts and seeds; none where there are no previews."""
    if not previews:
        return Probes((), (), ())
    words = previews[0].prompt.partition(",")[0]
    scenes = SCENES[kind] if without(trigger, class_word, words) != words else ()
    of_subject = tuple(
        PreviewPrompt(prompt=f"{words}, {scene}", seed=previews[0].seed + FAR + number)
        for number, scene in enumerate(scenes)
    )  # fmt: skip
    first = previews[:2] if kind is SubjectKind.STYLE else (previews[0], previews[0])
    seeds = (previews[0].seed, previews[1].seed if len(previews) > 1 else previews[0].seed + 1)
    of_class = tuple(
        PreviewPrompt(prompt=without(trigger, class_word, one.prompt), seed=seed)
        for one, seed in zip(first, seeds, strict=False)
    )
    return Probes(of_subject, of_class, (PreviewPrompt(prompt=ELSEWHERE, seed=seeds[0]),))


def without(trigger: str, class_word: str, prompt: str) -> str:
    """`prompt` as the base understands it.

    "a portrait of ohwx woman" -> "a portrait of a woman", "of ohwx" -> "of a woman", "a picture in ohwx style" -> "a picture".
    """
    word, named = re.escape(trigger), re.escape(class_word)
    said = re.sub(rf"\s*\bin (?:the |an? )?{word}(?: {named}| style)?(?![\w-])", "", prompt, flags=re.IGNORECASE)
    plain = f"{'an' if class_word[:1].lower() in tuple('aeiou') else 'a'} {class_word}".strip()
    pattern = rf"\b(?:an? )?{word}(?:,? (?:an? )?{named})?(?![\w-])" if class_word else rf"\b(?:an? )?{word}(?![\w-])"
    return re.sub(pattern, plain if class_word else "something", said, flags=re.IGNORECASE)
