"""From a captioner's sentences to a caption as it is trained: short parts, without whom it shows.

Captioners say "A man with short black hair wearing a suit is standing in front of a flag." Trained is what should not be
learnt, "wearing a suit, standing in front of a flag": who it is stands in the trigger word, and what somebody looks like
belongs to it. Of a style it is the other way round: what is shown is named, and how it is drawn is left to the trigger.
"""

from __future__ import annotations

import re

from engine.captioning import OWN
from engine.photos import SubjectKind

OPENER = re.compile(
    r"^(?:in (?:this|the) (?:image|picture|photo)(?: we (?:can )?see)?|(?:the|this) (?:image|picture|photo|photograph) "
    r"(?:shows|depicts|features|is (?:of|a (?:close[- ]?up )?(?:photo|picture|portrait|photograph) of))|there (?:is|are))[ ,]*",
    re.IGNORECASE,
)
MEDIUM = re.compile(
    r"^(?:an? )?(?:[a-z]+ ){0,3}(?:drawing|illustration|cartoon|painting|sketch|picture|image|photo|photograph|portrait|"
    r"rendering)(?: style)? of ",
    re.IGNORECASE,
)
DOING = (
    r"(?:is |are |was )?(?:wearing|holding|standing|sitting|lying|laying|looking|smiling|laughing|walking|running|riding|playing|"
    r"posing|eating|drinking|reading|speaking|talking|sleeping|jumping|leaning|crossing|raising|sticking|facing|waving|resting)\b"
)
PLACE = r"(?:in front of|in|on|at|under|next to|beside|near|against|behind|outside|inside|outdoors|indoors)\b"
SETS_OUT = re.compile(rf"\b(?:{DOING}|with\b|{PLACE})", re.IGNORECASE)
"""Where the words for the subject end, and those for what is seen of it begin."""
PARTS = re.compile(rf"\s*(?:,|\band (?={DOING})|(?<!^)(?= \bwith\b)|(?<!^)(?= {DOING}))\s*", re.IGNORECASE)
SOMEBODY = re.compile(
    r"^(?:an? |the |two |three )?(?:[a-z-]+ ){0,4}?(?:person|woman|man|men|women|girl|boy|child|people|lady|guy|he|she|they|it|"
    r"his|her|their|its|subject|character|dog|puppy|cat|kitten|animal|figure)\b",
    re.IGNORECASE,
)


def phrased(said: str, kind: SubjectKind) -> str:
    """A captioner's words as a caption of this kind of subject.

    >>> phrased("A man with short black hair wearing a suit is standing in front of a flag.", SubjectKind.PERSON)
    'wearing a suit, standing in front of a flag'
    >>> phrased("A drawing of a red monster raising its arms.", SubjectKind.STYLE)
    'a red monster raising its arms'
    """
    parts: list[str] = []
    for sentence in re.split(r"[.;!?]\s*", said):
        sentence = OPENER.sub("", " ".join(sentence.split()))
        if sentence:
            parts += [MEDIUM.sub("", sentence)] if kind is SubjectKind.STYLE else _of_subject(sentence, kind)
    return ", ".join(dict.fromkeys(part[:1].lower() + part[1:] for part in parts if part))


def _of_subject(sentence: str, kind: SubjectKind) -> list[str]:
    """The parts of a sentence that tell what is seen besides the subject itself."""
    begins = SETS_OUT.search(sentence)
    if begins is None:
        thing = kind is SubjectKind.OBJECT and "background" not in sentence.lower()
        about = thing or SOMEBODY.match(sentence) or MEDIUM.match(sentence)
        return [] if about or _own(sentence, kind) else [sentence]
    if "background" not in sentence[: begins.start()].lower():
        sentence = sentence[begins.start() :]
    parts = [
        re.sub(r"^(?:is|are|was|and)\b ?", "", part.strip(), flags=re.IGNORECASE) for part in PARTS.split(sentence)
    ]
    return [part for part in parts if part and not _own(part, kind)]


def _own(part: str, kind: SubjectKind) -> bool:
    words = OWN.get(kind)
    return words is not None and words.search(part) is not None
