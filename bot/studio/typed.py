"""A painting as it would be typed: prompt, `<lora:name:0.8>` and options, so that it can be changed and sent again."""

from __future__ import annotations

from collections.abc import Sequence

from bot.studio.brush import Usual
from bot.studio.commission import PaintSpec


def as_typed(spec: PaintSpec, names: Sequence[str], usual: Usual) -> str:
    """Read by `prompt.read` it means the same. `names`: of its LoRAs today. Without what should not be seen, without the
    seed, and without what `usual` says anyway."""
    work = spec.work
    loras = [f"<lora:{name}:{use.strength:g}>" for name, use in zip(names, work.loras, strict=True)]
    return " ".join([work.prompt, *loras, *_options(spec, usual)]).strip()


def _options(spec: PaintSpec, usual: Usual) -> list[str]:
    work = spec.work
    options = _size(spec.size)
    if spec.is_fast:
        options.append("--fast")
    if work.steps != usual.steps:
        options.append(f"--steps {work.steps}")
    if work.cfg != usual.cfg:
        options.append(f"--cfg {work.cfg:g}")
    if work.clip_skip:
        options.append(f"--clip-skip {work.clip_skip + 1}")
    if work.hires is not None and spec.enlarged is None:
        options.append(f"--hires {work.hires.upscale:g} --denoise {work.hires.denoise:g}")
    if work.sampler is not None and work.sampler != usual.sampler:
        options.append(f"--sampler {work.sampler}")
    pressed = work.lora_guidance or usual.lora_guidance
    if work.loras and pressed.scale != usual.lora_guidance.scale:
        options.append(f"--lora-guidance {pressed.scale:g}")
    if work.loras and pressed.start != usual.lora_guidance.start:
        options.append(f"--lora-start {pressed.start:g}")
    return options


def _size(typed: str) -> list[str]:
    if ":" in typed:
        return [f"--ar {typed}"]
    wide, _, high = typed.partition("x")
    return [f"--{name} {side}" for name, side in (("w", wide), ("h", high)) if side]
