"""From the processor's memory to the device's, without waiting for what the device is at."""

from __future__ import annotations

import torch
from torch import Tensor


def shipped(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor` on `device`.

    A copy to an NVIDIA card from ordinary memory waits until the card has done all it was told before: once a step, that is the
    end of every step. From page-locked memory it takes its place in the line, and torch keeps the memory until it was its turn.
    """
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
