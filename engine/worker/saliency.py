"""What stands out in a picture that has no face to go by: a pet, a thing.

Two readings are added: the spectral residual (Hou and Zhang, CVPR 2007), which finds what breaks the picture's pattern, and
how unlike the picture's rim a place is, since photographers leave the rim to the background. Both are weighed by how near to
the middle they are, and none of them is trusted to cut closely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Map = NDArray[np.float64]

GRID = 64
RIM = 3
RIM_COLOURS = 24
"""So many places of the rim stand for the background."""
PRIOR = 0.3
"""Standard deviation of the weight around the middle, as a share of the side."""
TAIL = 0.05
"""Of what stands out, left out at each side: single specks are no subject."""


def stands_out(picture: Image.Image) -> Map | None:
    """GRID x GRID shares of the whole picture, adding up to one; None where nothing stands out."""
    import numpy as np
    from PIL import Image

    lab = np.asarray(picture.convert("LAB").resize((GRID, GRID), Image.Resampling.BOX), dtype=np.float64)
    if float(lab.std(axis=(0, 1)).max()) < 1.0:
        return None
    found = _even(_residual(lab)) + _even(_unlike_the_rim(lab))
    found = np.clip(found - 0.5 * np.median(found), 0, None) * _middle()
    total = float(found.sum())
    return found / total if total > 0 else None


def extent(shares: Map) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what stands out, as shares of the picture's sides."""
    import numpy as np

    edges: list[float] = []
    for axis in (0, 1):
        along = np.cumsum(shares.sum(axis=axis))
        edges.append(float(np.searchsorted(along, TAIL)) / GRID)
        edges.append(min(1.0, float(np.searchsorted(along, 1 - TAIL) + 1) / GRID))
    left, right, top, low = edges
    return left, top, right, low


def _residual(lab: Map) -> Map:
    import numpy as np
    from PIL import Image, ImageFilter

    found = np.zeros((GRID, GRID))
    for channel in range(lab.shape[2]):
        spectrum = np.fft.fft2(lab[..., channel])
        size = np.log(np.abs(spectrum) + 1e-9)
        padded = np.pad(size, 1, mode="wrap")
        mean = sum(padded[y : y + GRID, x : x + GRID] for y in range(3) for x in range(3)) / 9
        found += np.abs(np.fft.ifft2(np.exp(size - mean + 1j * np.angle(spectrum)))) ** 2
    grey = Image.fromarray((found / max(float(found.max()), 1e-9) * 255).astype(np.uint8))
    return np.asarray(grey.filter(ImageFilter.GaussianBlur(2.5)), dtype=np.float64)


def _unlike_the_rim(lab: Map) -> Map:
    """Distance to the nearest colour of the rim. Its bottom is left out: that is where subjects stand."""
    import numpy as np

    rim = np.concatenate([part.reshape(-1, 3) for part in (lab[:RIM], lab[:, :RIM], lab[:, -RIM:])])
    colours = rim[np.linspace(0, len(rim) - 1, RIM_COLOURS).astype(int)]
    return np.linalg.norm(lab[:, :, None] - colours[None, None], axis=3).min(axis=2)


def _even(found: Map) -> Map:
    """With a mean of one, or nothing where there is nothing."""
    mean = float(found.mean())
    return found / mean if mean > 1e-9 else found * 0


def _middle() -> Map:
    import numpy as np

    off = (np.arange(GRID) + 0.5) / GRID - 0.5
    return np.exp(-(off[:, None] ** 2 + off[None, :] ** 2) / (2 * PRIOR**2))
