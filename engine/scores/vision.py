"""CLIP and DINOv2 through transformers, from a folder or the hub's local cache; never from the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.scores.eyes import Vectors

AT_ONCE = 16
SHOWN_SIDE = 224
"""DINOv2 takes any side its patches divide; it was trained for the most part at this one."""


class ClipEyes:
    """CLIP's picture half, and both halves together as a matcher."""

    def __init__(self, model: Any, tokenizer: Any, mean: Sequence[float], spread: Sequence[float]) -> None:
        self._model, self._tokenizer, self._look = model, tokenizer, (tuple(mean), tuple(spread))

    def embed(self, pictures: Sequence[Image.Image]) -> Vectors:
        import torch

        found: list[Any] = []
        with torch.inference_mode():
            for pixels in _pixels(self._model, pictures, self._model.config.vision_config.image_size, *self._look):
                pooled = self._model.vision_model(pixel_values=pixels).pooler_output
                found.append(self._model.visual_projection(pooled))
        return _unit(found)

    def match(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> NDArray[np.float32]:
        import torch

        longest = self._model.config.text_config.max_position_embeddings
        said = self._tokenizer(list(prompts), padding=True, truncation=True, max_length=longest, return_tensors="pt")
        with torch.inference_mode():
            read = self._model.text_model(
                input_ids=said.input_ids.to(self._model.device),
                attention_mask=said.attention_mask.to(self._model.device),
            )
            texts = _unit([self._model.text_projection(read.pooler_output)])
        return self.embed(pictures) @ texts.T


class DinoEyes:
    """DINOv2's class token: what a picture shows, down to which dog it is."""

    def __init__(self, model: Any, side: int, mean: Sequence[float], spread: Sequence[float]) -> None:
        self._model, self._look = model, (side, tuple(mean), tuple(spread))

    def embed(self, pictures: Sequence[Image.Image]) -> Vectors:
        import torch

        with torch.inference_mode():
            found = [
                self._model(pixel_values=pixels).last_hidden_state[:, 0]
                for pixels in _pixels(self._model, pictures, *self._look)
            ]
        return _unit(found)


def clip_in(places: Sequence[str], named: str = "", device: str = "cpu") -> ClipEyes | None:
    """The first CLIP that is whole on this machine; `named` (a hub id or folder) before any other."""
    from transformers import CLIPModel, CLIPTokenizer

    for folder in _folders(places, named, ("tokenizer_config.json",)):
        model: Any = CLIPModel.from_pretrained(folder, local_files_only=True).eval()
        model.to(device)
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        return ClipEyes(model, tokenizer, *_look_of(folder))
    return None


def dino_in(places: Sequence[str], named: str = "", device: str = "cpu") -> DinoEyes | None:
    """The first DINOv2 that is whole on this machine; `named` before any other."""
    from transformers import Dinov2Model

    for folder in _folders(places, named):
        model: Any = Dinov2Model.from_pretrained(folder, local_files_only=True).eval()
        model.to(device)
        patch = model.config.patch_size
        side = min(SHOWN_SIDE, model.config.image_size) // patch * patch
        return DinoEyes(model, side, *_look_of(folder))
    return None


def _folders(places: Sequence[str], named: str, needed: Sequence[str] = ()) -> Iterator[Path]:
    """Folders that hold a config, safetensors weights and what else is `needed`."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for place in (named, *places) if named else places:
        folder = Path(place).expanduser()
        if not folder.is_dir():
            try:
                config = try_to_load_from_cache(place, "config.json")
            except HFValidationError:
                continue
            if not isinstance(config, str):
                continue
            folder = Path(config).parent
        names = {file.name for file in folder.iterdir()}
        if {"config.json", *needed} <= names and any(name.endswith(".safetensors") for name in names):
            yield folder


def _look_of(folder: Path) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and spread of the colours it was shown, from its preprocessor file; ImageNet's where there is none."""
    import json

    file = folder / "preprocessor_config.json"
    told: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    return told.get("image_mean", (0.485, 0.456, 0.406)), told.get("image_std", (0.229, 0.224, 0.225))


def _pixels(
    model: Any, pictures: Sequence[Image.Image], side: int, mean: Sequence[float], spread: Sequence[float]
) -> Iterator[Any]:
    """Batches (n, 3, side, side), colours as the model was shown them."""
    import torch

    for start in range(0, len(pictures), AT_ONCE):
        some = [
            picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
            for picture in pictures[start : start + AT_ONCE]
        ]
        array = np.stack([np.asarray(one, dtype=np.float32) for one in some]) / 255
        array = (array - np.asarray(mean, dtype=np.float32)) / np.asarray(spread, dtype=np.float32)
        yield torch.from_numpy(array).permute(0, 3, 1, 2).to(model.device, model.dtype)


def _unit(parts: Sequence[Any]) -> Vectors:
    import torch

    return torch.nn.functional.normalize(torch.cat(list(parts)).float(), dim=1).cpu().numpy()
