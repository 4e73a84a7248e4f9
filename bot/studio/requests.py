"""What people ask for, as frozen data: an interaction becomes one of these in the first lines of its handler."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Who:
    """The person and the place. `request_id` is the interaction's id: asked twice, it is answered with the same thing."""

    guild_id: int
    member_id: int
    channel_id: int
    request_id: str
    is_admin: bool = False
    runs_the_bot: bool = False
    """Its application is theirs, or their team's."""
    roles: frozenset[int] = frozenset()
    parent_id: int | None = None
    """The channel that `channel_id` is a thread of."""


@dataclass(frozen=True)
class GivenPhoto:
    name: str = field(repr=False)
    """As the member called it: shown back to them, never logged, stored sealed."""
    data: bytes = field(repr=False)
    caption: str = field(default="", repr=False)
    """Given beside it; "": the engine describes the photo."""


@dataclass(frozen=True)
class BeginTraining:
    draft: str
    """The id of the /train command: the modal and "Add more" carry it, so that all uploads meet in one dataset."""
    name: str
    kind: str
    """A SubjectKind value."""
    consent: bool
    """The box is ticked: the one who sends the form may use these photos."""
    photos: tuple[GivenPhoto, ...]
    room_id: int | None = None
    """The thread opened for this dataset: its sheets, status card and epochs are posted there. None: `Who.channel_id`."""
    depicts: str = "me"
    """A Depicts value; of a person only."""
    painted_by: frozenset[int] | None = None
    """The photos are pictures that were painted here: ids of the subjects whose LoRAs painted them. None: photos."""


@dataclass(frozen=True)
class Imagine:
    prompt: str = field(repr=False)
    lora: str | None = None
    """A LoRA's name, or several with commas between and a strength behind a colon; beside those in the prompt. None: found by
    their trigger words."""
    negative: str = field(default="", repr=False)
    seed: int | None = None
    count: int | None = None
    """Pictures; None: as many as is usual where it is asked."""
    strength: float = 1.0


@dataclass(frozen=True)
class Compare:
    """Pictures of one prompt and one seed beside each other, along one or two of: LoRAs, strengths, epochs."""

    prompt: str = field(repr=False)
    loras: str = ""
    """As in Imagine."""
    strengths: str = ""
    """Numbers with commas between."""
    run_id: int | None = None
    """The training whose epochs are compared."""
    epochs: str = ""
    """ "1-4, 8"; "": all that are kept. 0 is the base."""
    seed: int | None = None
