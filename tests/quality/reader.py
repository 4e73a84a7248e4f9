"""An independent reader of the world's pictures: what is to be seen, and who.

It shares nothing with the models it judges: another architecture, other train identities, pictures only. Made by
`python -m tests.quality.reader_training`, kept in `tests/quality/reader/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from engine.miniature import world

FOLDER = Path(__file__).resolve().parent / "reader"
SIDE = 64
CHOICES = {
    "background": world.BACKGROUNDS, "clothes": world.CLOTHES, "colour": world.COLOURS,
    "accessory": world.ACCESSORIES, "expression": world.EXPRESSIONS, "pose": world.POSES,
}  # fmt: skip
TRAITS = 25


class ReaderNetwork(nn.Module):
    """Plain convolutions, then one linear head for all attributes and one for the identity's traits."""

    def __init__(self) -> None:
        super().__init__()
        widths = (24, 48, 96, 128)
        layers: list[nn.Module] = []
        before = 3
        for width in widths:
            layers += [
                nn.Conv2d(before, width, 3, 1, 1),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, 2, 1),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            before = width
        self.trunk = nn.Sequential(
            *layers, nn.Conv2d(before, 64, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 16, 256), nn.ReLU()
        )
        self.attributes = nn.Linear(256, sum(len(choices) for choices in CHOICES.values()))
        self.traits = nn.Linear(256, TRAITS)

    def forward(self, pixels: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """pixels (N, 3, 64, 64) in -1..1; logits by attribute, and traits (N, 25) around 0."""
        seen = self.trunk(pixels)
        logits = self.attributes(seen).split([len(choices) for choices in CHOICES.values()], dim=1)
        return dict(zip(CHOICES, logits, strict=True)), self.traits(seen)


class Reader:
    def __init__(self, network: ReaderNetwork) -> None:
        self.network = network.eval()

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Self:
        network = ReaderNetwork()
        network.load_state_dict(
            {name: value.float() for name, value in load_file(folder / "reader.safetensors").items()}
        )
        return cls(network)

    def attributes(self, images: Sequence[Image.Image]) -> list[dict[str, str]]:
        """For each portrait (any size): background, clothes, colour, accessory, expression, pose, in the world's words."""
        logits, _ = self._read(images)
        best = {name: values.argmax(1).tolist() for name, values in logits.items()}
        return [{name: str(CHOICES[name][best[name][row]]) for name in CHOICES} for row in range(len(images))]

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """(N, 25) with unit norm: the direction in which each portrait's person differs from the average one."""
        _, traits = self._read(images)
        return nn.functional.normalize(traits, dim=1).numpy()

    def likeness(
        self, images: Sequence[Image.Image], photos: Sequence[Image.Image], strangers: Sequence[Image.Image]
    ) -> float:
        """How much `images` look like the person of `photos` (both portraits or face crops shown as portraits).

        0 is what `strangers` reach, 100 what each photo reaches against the others; beyond both is possible.
        """
        known = self.embed(photos)
        total = known.sum(0)
        own = float(np.mean([vector @ unit(total - vector) for vector in known]))
        middle = unit(total)
        stranger = float((self.embed(strangers) @ middle).mean())
        return 100 * (float((self.embed(images) @ middle).mean()) - stranger) / (own - stranger)

    def _read(self, images: Sequence[Image.Image]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        arrays = [np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)) for image in images]
        pixels = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.inference_mode():
            return self.network(pixels)


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / np.linalg.norm(vector)
