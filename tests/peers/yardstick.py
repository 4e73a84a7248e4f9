"""What a step costs in FLOPs and how many of them a large matrix product reaches here, as a process of its own.

python -m tests.peers.yardstick BASE DEVICE SIDE BATCH RANK     the last line is JSON
"""

from __future__ import annotations

import json
import sys

import torch

from engine.bench import bases
from engine.bench.report import matmul_tflops, step_flops
from engine.bench.training import Scene
from engine.recipes.recipe import Targets

WAYS = (Targets.FULL, Targets.ATTN)


def main(name: str, device: str, side: int, batch: int, rank: int) -> None:
    place = torch.device(device)
    base = bases.named(f"random-{name}", place)
    tflops = matmul_tflops(place, base.dtype)
    flops = {ways.value: step_flops(base, Scene(side, batch, rank, ways)) for ways in WAYS}
    sys.stdout.write(f"\n{json.dumps({'matmul_tflops': tflops, 'step_flops': flops, 'device': named(place)})}\n")


def named(place: torch.device) -> str:
    return torch.cuda.get_device_name(place) if place.type == "cuda" else place.type


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(number) for number in sys.argv[3:6]))
