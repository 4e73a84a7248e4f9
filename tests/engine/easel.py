"""Pictures out of the worker's paint verb, and a LoRA that nobody overlooks."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from engine.families.loaded import LoadedBase
from engine.families.sites import Site
from engine.files import lora as files
from engine.protocol import EventBase, Painted, PaintJob
from engine.worker.order import Order
from engine.worker.paint import paint

Pixels = NDArray[np.int16]


def loud_lora(
    base: LoadedBase, *, seed: int = 4, rank: int = 4, loud: float = 0.6, sites: Sequence[Site] | None = None
) -> bytes:
    """In the denoiser and the text encoder, if nobody says where."""
    draw = torch.Generator().manual_seed(seed)
    weights: dict[str, tuple[torch.Tensor, torch.Tensor, float]] = {}
    for site in sites or base.sites:
        shape = tuple(base.part(site).weight.shape)  # pyright: ignore
        down = torch.randn(rank, *shape[1:], generator=draw) / math.prod(shape[1:]) ** 0.5
        up = torch.randn(shape[0], rank, *(1 for _ in shape[2:]), generator=draw) * loud
        weights[site.key] = down, up, float(rank)
    return files.write(weights, {"modelspec.trigger_phrase": "ohwx"})


def told(base: LoadedBase, job: PaintJob, blobs: Mapping[str, bytes] | None = None) -> list[EventBase]:
    events: list[EventBase] = []
    for _ in paint(base, job, blobs or {}, events.append, Order()):
        pass
    return events


def painted(base: LoadedBase, job: PaintJob, blobs: Mapping[str, bytes] | None = None) -> Painted:
    (found,) = [event for event in told(base, job, blobs) if isinstance(event, Painted)]
    return found


def opened(base: LoadedBase, job: PaintJob, blobs: Mapping[str, bytes] | None = None) -> list[Image.Image]:
    done = painted(base, job, blobs)
    return [Image.open(io.BytesIO(done.blobs[f"picture_{index}"])) for index in range(len(job.seeds))]


def pictures(base: LoadedBase, job: PaintJob, blobs: Mapping[str, bytes] | None = None) -> list[Pixels]:
    return [pixels(one) for one in opened(base, job, blobs)]


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture.convert("RGB")).astype(np.int16)


def apart(first: Pixels, second: Pixels) -> int:
    """The largest difference of any channel, of 255."""
    return int(np.abs(first - second).max())
