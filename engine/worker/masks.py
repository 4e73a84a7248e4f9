"""What counts in a picture: a soft mask on the latent grid, from the box of the face."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.protocol import Box

GROWN = 1.9
"""The mask's sides against the face box's: a box goes from brows to chin, a likeness from hair to collar."""
UP = 0.08
"""How far above the box's middle the mask's middle lies, as a share of the box: hair matters more than collar."""
EDGE = 0.6
"""The part of the way from the middle to the edge over which the mask fades out."""


def face_mask(face: Box | None, cut: tuple[int, int, int, int], grid: tuple[int, int], outside: float) -> Tensor:
    """(height, width) weights of latents, of mean 1, so that a learning rate goes on meaning what it meant.

    `cut` is the part of the photo that is shown (left, top, right, bottom), `grid` its (width, height) in latents. An
    ellipse around the face weighs 1, what lies outside weighs `outside`, and one fades into the other. No face, or one
    outside the cut: everything weighs the same.
    """
    width, height = grid
    left, top, right, low = cut
    if face is None or face.x1 <= left or face.x0 >= right or face.y1 <= top or face.y0 >= low:
        return torch.ones(height, width)
    across, down = face.x1 - face.x0, face.y1 - face.y0
    x = (torch.arange(width) + 0.5) * (right - left) / width + left
    y = (torch.arange(height) + 0.5) * (low - top) / height + top
    from_x = (x - (face.x0 + face.x1) / 2) / (across * GROWN / 2)
    from_y = (y - ((face.y0 + face.y1) / 2 - UP * down)) / (down * GROWN / 2)
    distance = (from_x[None, :].square() + from_y[:, None].square()).sqrt()
    inside = ((1 - distance) / EDGE + 0.5).clamp(0, 1)
    inside = inside * inside * (3 - 2 * inside)
    mask = outside + (1 - outside) * inside
    return mask / mask.mean() if float(mask.mean()) > 0 else torch.ones(height, width)


def mirrored(mask: Tensor) -> Tensor:
    return mask.flip(-1)
