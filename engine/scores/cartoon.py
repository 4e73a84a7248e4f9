"""The miniature's own eyes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file

from engine.miniature import IDENTITY
from engine.miniature.senses import Fidelity, IdentityEmbedder
from engine.scores.eyes import Sight, Vectors, unit


class Cartoon:
    """One look at who it is, one at the scene around it, each counting half."""

    def __init__(self, who: IdentityEmbedder, scene: Fidelity) -> None:
        self._who, self._scene = who, scene

    def embed(self, pictures: Sequence[Image.Image]) -> Vectors:
        seen = self._who.embed(list(pictures)), self._scene.embed(list(pictures))
        return unit(np.concatenate(seen, axis=1))


class Portraits:
    def __init__(self, embedder: IdentityEmbedder) -> None:
        self._embedder = embedder

    def embed(self, pictures: Sequence[Image.Image]) -> Vectors:
        return self._embedder.embed(list(pictures))


class Captions:
    def __init__(self, clip: Fidelity) -> None:
        self._clip = clip

    def match(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> NDArray[np.float32]:
        return self._clip.match(list(pictures), list(prompts))


def sight() -> Sight:
    embedder, clip = IdentityEmbedder.load(), Fidelity.load()
    crowd = unit(load_file(IDENTITY / "crowd.safetensors")["vectors"].astype(np.float32))
    return Sight(Portraits(embedder), Cartoon(embedder, clip), Captions(clip), crowd)
