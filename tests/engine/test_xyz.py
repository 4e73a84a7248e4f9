"""Axes in words, the cells they make, and how few jobs paint them. Without torch."""

from __future__ import annotations

import pytest

from engine import samplers, xyz
from engine.errors import BadInput
from engine.guidance import SUBJECT, LoraGuidance
from engine.protocol import PaintJob
from engine.shots import LoraUse
from engine.xyz import Axis, AxisKind, plan, read_axis

LORA = LoraUse(sha256="aa", strength=0.9, name="kat")
OTHER = LoraUse(sha256="bb", strength=0.3)
JOB = PaintJob(job_id="grid", prompt="ohwx on the moon", negative="moon dust", seeds=(7,), loras=(LORA, OTHER))


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("strength=0.4,0.7,1.0", AxisKind.STRENGTH, (0.4, 0.7, 1.0)),
        ("strength=-1-1(+0.5)", AxisKind.STRENGTH, (-1.0, -0.5, 0.0, 0.5, 1.0)),
        ("cfg=3-9(+2)", AxisKind.CFG, (3.0, 5.0, 7.0, 9.0)),
        ("CFG Scale = 1-10 [4]", AxisKind.CFG, (1.0, 4.0, 7.0, 10.0)),
        ("epoch=0-3,8", AxisKind.EPOCH, (0, 1, 2, 3, 8)),
        ("steps=30-10(-10)", AxisKind.STEPS, (30, 20, 10)),
        ("seed=5,5,6", AxisKind.SEED, (5, 6)),
        ("sampler=euler_a, dpm++ 2m", AxisKind.SAMPLER, ("Euler a", "DPM++ 2M Karras")),
        ('prompt=moon, "a bar, at night" ,beach', AxisKind.PROMPT, ("moon", "a bar, at night", "beach")),
        ("lora=a.safetensors,none", AxisKind.LORA, ("a.safetensors", "none")),
        ("LoRA guidance=0,1.5-2.5(+0.5)", AxisKind.LORA_GUIDANCE, (0.0, 1.5, 2.0, 2.5)),
        ("lora-start=0,0.2", AxisKind.LORA_START, (0.0, 0.2)),
    ],
)
def test_axes(text: str, kind: AxisKind, values: tuple[object, ...]) -> None:
    assert read_axis(text) == Axis(kind, values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("strenght=1", 'Did you mean "strength"?'),
        ("xyzzy=1", "There are epoch, strength"),
        ("cfg", "cfg=3-9(+2)"),
        ("cfg=", "needs its values"),
        ("cfg=,", "needs its values"),
        ("cfg=31", "from 0 to 30"),
        ("cfg=nan", "from 0 to 30"),
        ("steps=2.5", "whole numbers"),
        ("seed=1-9(-1)", "whole numbers"),
        ("seed=1-9(0)", "whole numbers"),
        ("seed=0-4000000000", "whole numbers"),
        ("strength=many", "numbers from -4 to 4"),
        ("lora-start=1", "from 0 to 0.9"),
        ("sampler=eular", 'Did you mean "Euler'),
    ],
)
def test_what_cannot_be_read_is_said(text: str, part: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_axis(text)
    assert part in str(refused.value)


def test_cells_of_one_walk_are_one_job() -> None:
    made = plan(JOB, read_axis("strength=0.4,0.7,1.0"), read_axis("cfg=3,5"))
    (batch,) = made.batches
    assert (made.columns, made.rows, made.pictures) == (3, 2, 6)
    assert batch.cells == (((0, 0),), ((1, 0),), ((2, 0),), ((0, 1),), ((1, 1),), ((2, 1),))
    assert batch.job.seeds == (7,) * 6 and batch.job.loras == ()
    assert [shot.cfg for shot in batch.job.shots] == [3, 3, 3, 5, 5, 5]
    shot = batch.job.shots[1]
    assert shot.loras == (LoraUse(sha256="aa", strength=0.7, name="kat"), OTHER) and shot.prompt == JOB.prompt


def test_other_steps_and_other_samplers_are_other_jobs() -> None:
    made = plan(JOB, read_axis("steps=10,20"), read_axis("sampler=Euler a,DDIM"))
    assert [(batch.job.steps, batch.job.sampler, batch.cells) for batch in made.batches] == [
        (10, "Euler a", (((0, 0),),)),
        (20, "Euler a", (((1, 0),),)),
        (10, "DDIM", (((0, 1),),)),
        (20, "DDIM", (((1, 1),),)),
    ]
    assert len({batch.job.job_id for batch in made.batches}) == 4


def test_how_loras_take_part_is_a_job_of_its_own_and_keeps_what_the_axis_leaves() -> None:
    job = JOB.model_copy(update={"lora_guidance": LoraGuidance(scale=3.0, start=0.1)})
    made = plan(job, read_axis("lora-guidance=0,2"), read_axis("cfg=4,5"))
    assert [(batch.job.lora_guidance, len(batch.cells)) for batch in made.batches] == [
        (LoraGuidance(scale=0.0, start=0.1), 2),
        (LoraGuidance(scale=2.0, start=0.1), 2),
    ]
    (batch,) = plan(JOB, read_axis("lora-start=0.3")).batches
    assert batch.job.lora_guidance == SUBJECT.but(None, 0.3), "the miniature's own, but for what was asked"
    (batch,) = plan(JOB, read_axis("cfg=4")).batches
    assert batch.job.lora_guidance is None


def test_a_large_grid_goes_in_jobs_of_sixteen() -> None:
    made = plan(JOB, read_axis("seed=1-10"), read_axis("cfg=1-4"))
    assert [len(batch.job.seeds) for batch in made.batches] == [16, 16, 8]
    assert {place for batch in made.batches for places in batch.cells for place in places} == {
        (column, row) for column in range(10) for row in range(4)
    }


def test_equal_cells_are_painted_once() -> None:
    """The base looks the same at every strength."""
    epochs = {0: None, 3: LoraUse(sha256="e3"), 8: LoraUse(sha256="e8")}
    made = plan(JOB, read_axis("epoch=0,3,8"), read_axis("strength=0.5,1"), epochs)
    (batch,) = made.batches
    assert made.pictures == 5 and batch.cells[0] == ((0, 0), (0, 1))
    assert batch.job.shots[0].loras == (OTHER,)
    assert batch.job.shots[1].loras == (LoraUse(sha256="e3", strength=0.5), OTHER)
    assert set(batch.job.blobs()) == {"bb", "e3", "e8"}


def test_a_lora_axis_takes_the_first_ones_strength() -> None:
    loras = {"x.safetensors": LoraUse(sha256="xx", name="x"), xyz.NONE: None}
    (batch,) = plan(JOB, read_axis("lora=x.safetensors,none"), None, loras).batches
    assert [shot.loras for shot in batch.job.shots] == [
        (LoraUse(sha256="xx", strength=0.9, name="x"), OTHER),
        (OTHER,),
    ]


def test_the_prompt_axis_replaces_its_first_word_everywhere() -> None:
    (batch,) = plan(JOB, read_axis("prompt=moon,beach")).batches
    assert [(shot.prompt, shot.negative) for shot in batch.job.shots] == [
        ("ohwx on the moon", "moon dust"),
        ("ohwx on the beach", "beach dust"),
    ]


@pytest.mark.parametrize(
    ("x", "y", "part"),
    [
        ("cfg=1,2", "cfg=3,4", 'Both axes are "cfg"'),
        ("epoch=1", "lora=a", "contradict"),
        ("prompt=sun,beach", None, '"sun" does not stand in the prompt'),
        ("seed=1-100", "cfg=1-3", "300 pictures"),
    ],
)
def test_axes_that_make_no_sense_together(x: str, y: str | None, part: str) -> None:
    with pytest.raises(BadInput) as refused:
        plan(JOB, read_axis(x), read_axis(y) if y else None)
    assert part in str(refused.value)


def test_a_strength_needs_a_lora() -> None:
    with pytest.raises(BadInput, match="needs a LoRA"):
        plan(JOB.model_copy(update={"loras": ()}), read_axis("strength=1"))


def test_labels() -> None:
    assert read_axis("epoch=0,3").labels == ("base", "epoch 3")
    assert read_axis("cfg=3,4.5").labels == ("CFG 3", "CFG 4.5")
    assert read_axis("lora=none").labels == ("without LoRA",)
    assert read_axis("lora-guidance=0,2.5").labels == ("LoRA guidance 0", "LoRA guidance 2.5")
    assert read_axis("lora-start=0.2").title == "LoRA start"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dpm++ 2m karras", "DPM++ 2M Karras"),
        ("DPM++2M", "DPM++ 2M Karras"),
        ("dpmpp_2m", "DPM++ 2M Karras"),
        ("DPMSolverMultistepScheduler", "DPM++ 2M Karras"),
        ("dpmpp_2m_sde", "DPM++ 2M SDE Karras"),
        ("Euler A", "Euler a"),
        ("k_euler_ancestral", "Euler a"),
        ("EulerAncestralDiscreteScheduler", "Euler a"),
        ("k_euler", "Euler"),
        ("Euler (flow)", "Euler"),
        ("uni_pc", "UniPC"),
        ("UniPCMultistepScheduler", "UniPC"),
        ("ddim", "DDIM"),
        ("LCMScheduler", "LCM"),
    ],
)
def test_samplers_by_any_of_their_names(text: str, name: str) -> None:
    assert samplers.named(text).name == name


def test_a_flow_base_has_its_own() -> None:
    assert samplers.names("flow") == ("Euler",)
    with pytest.raises(BadInput, match="cannot paint with this base"):
        samplers.named("DDIM", "flow")
