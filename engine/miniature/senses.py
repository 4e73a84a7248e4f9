"""The miniature's senses: finding cartoon faces, telling people apart, describing a portrait.

Each is an ordinary transformers folder under `weights/`; these classes hold what happens around the network. Loading
one takes a moment and needs torch, importing this module does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.miniature import CAPTIONER, CLIP, FACE_FINDER, IDENTITY, PORTRAIT_SIDE

if TYPE_CHECKING:
    import torch

CORE = 0.6
"""Share of a face's width and height that its core in the finder's map takes."""
FINDER_SIDE = 192
"""The finder sees a photo scaled to this many pixels on its long side, in the top left corner of a black square."""
SEEN, EDGE = 0.5, 0.78
"""Shares from which the first look takes something for a face, and the second a cell for part of one."""
LEAST_AREA = 64
CLOSER = 2.6
"""The second look shows this many times the face's size."""
FRAME_PER_FACE = 1.95
"""Side of the portrait frame around a face, as a share of the face box's height."""


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face box (left, top, right, bottom) in pixels of the photo given, and how sure the finder is (0 to 1)."""

    box: tuple[int, int, int, int]
    sureness: float

    def moved(self, x: int, y: int) -> FoundFace:
        left, top, right, low = self.box
        return FoundFace((left + x, top + y, right + x, low + y), self.sureness)


def _shared(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> float:
    """Intersection over union of two boxes."""
    wide = max(0, min(first[2], second[2]) - max(first[0], second[0]))
    high = max(0, min(first[3], second[3]) - max(first[1], second[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return wide * high / max(areas - wide * high, 1)


def portrait_frame(face: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The square around a face box that shows it as portraits do; it may reach over the photo's edges."""
    left, top, right, low = face
    half = FRAME_PER_FACE * (low - top) / 2
    x, y = (left + right) / 2, (top + low) / 2
    return round(x - half), round(y - half * 0.97), round(x + half), round(y + half * 1.03)


def portrait(
    picture: Image.Image, face: tuple[int, int, int, int] | None = None, side: int = PORTRAIT_SIDE
) -> Image.Image:
    """`picture` (its portrait frame around `face`, where one is given) as a square RGB portrait, its rim stretched."""
    picture = picture.convert("RGB")
    if face is None:
        return picture.resize((side, side), Image.Resampling.LANCZOS if picture.width < side else Image.Resampling.BOX)
    left, top, right, low = portrait_frame(face)
    pixels = np.asarray(picture)
    over = max(0, -left, -top, right - picture.width, low - picture.height)
    pixels = np.pad(pixels, ((over, over), (over, over), (0, 0)), mode="edge")
    crop = Image.fromarray(pixels[top + over : low + over, left + over : right + over])
    return crop.resize((side, side), Image.Resampling.LANCZOS)


def pixels_of(pictures: list[Image.Image]) -> torch.Tensor:
    """(N, 3, 64, 64) in -1..1; every picture is taken for a portrait and resized."""
    import torch

    arrays = np.stack([np.asarray(portrait(picture)) for picture in pictures])
    return torch.from_numpy(arrays).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


class FaceFinder:
    def __init__(self, model: Any) -> None:
        self.model = model

    @classmethod
    def load(cls, folder: Path = FACE_FINDER) -> Self:
        import torch
        from transformers import SegformerForSemanticSegmentation

        return cls(SegformerForSemanticSegmentation.from_pretrained(folder, dtype=torch.float32).eval())

    def find(self, picture: Image.Image) -> list[FoundFace]:
        """All cartoon faces in `picture` (any size), biggest first; none where there is none.

        Two looks: one at the whole picture, then one at each face's surroundings, where its edges are seen better.
        """
        picture = picture.convert("RGB")
        faces: list[FoundFace] = []
        for rough in self._look(picture, SEEN):
            left, top, right, low = rough.box
            reach = round(CLOSER * max(right - left, low - top) / 2)
            corner = max(0, (left + right) // 2 - reach), max(0, (top + low) // 2 - reach)
            near = picture.crop(
                (*corner, min(picture.width, corner[0] + 2 * reach), min(picture.height, corner[1] + 2 * reach))
            )
            closer = [face.moved(*corner) for face in self._look(near, EDGE)]
            best = max(closer, key=lambda face: _shared(face.box, rough.box), default=rough)
            faces.append(best if _shared(best.box, rough.box) > 0.3 else rough)
        apart: list[FoundFace] = []
        for face in sorted(faces, key=lambda face: -(face.box[2] - face.box[0]) * (face.box[3] - face.box[1])):
            if all(_shared(face.box, other.box) < 0.25 for other in apart):
                apart.append(face)
        return apart

    def _look(self, picture: Image.Image, seen: float) -> list[FoundFace]:
        import cv2

        scale = FINDER_SIDE / max(picture.size)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        square = Image.new("RGB", (FINDER_SIDE, FINDER_SIDE))
        square.paste(picture.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC))
        shares = cv2.resize(self._shares(square), (FINDER_SIDE, FINDER_SIDE), interpolation=cv2.INTER_LINEAR)
        count, _, stats, _ = cv2.connectedComponentsWithStats((shares > seen).astype(np.uint8), connectivity=8)
        faces: list[FoundFace] = []
        for left, top, wide, high, area in stats[1:count].tolist():
            if area < LEAST_AREA or not 0.4 < wide / high < 2.5:
                continue
            x, y = left + wide / 2, top + high / 2
            half_w, half_h = wide / 2 / CORE, high / 2 / CORE
            box = (x - half_w) / scale, (y - half_h) / scale, (x + half_w) / scale, (y + half_h) / scale
            inside = (
                max(0, round(box[0])),
                max(0, round(box[1])),
                min(picture.width, round(box[2])),
                min(picture.height, round(box[3])),
            )
            faces.append(FoundFace(inside, float(shares[top : top + high, left : left + wide].max())))
        return faces

    def _shares(self, square: Image.Image) -> NDArray[np.float32]:
        import torch

        pixels = torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1)[None].float().div_(127.5).sub_(1.0)
        with torch.inference_mode():
            return self.model(pixel_values=pixels).logits.softmax(1)[0, 1].numpy()


class IdentityEmbedder:
    """Who is it: unit vectors of portraits, alike for one person, unlike for two, halfway for somebody between them."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @classmethod
    def load(cls, folder: Path = IDENTITY) -> Self:
        import torch
        from transformers import ResNetForImageClassification

        return cls(ResNetForImageClassification.from_pretrained(folder, dtype=torch.float32).eval())

    def embed(self, portraits: list[Image.Image]) -> NDArray[np.float32]:
        """(N, 25) with unit norm: in which direction each differs from the average person, trait by trait."""
        import torch

        with torch.inference_mode():
            vectors = torch.cat([self.model(pixel_values=batch).logits for batch in pixels_of(portraits).split(64)])
        return torch.nn.functional.normalize(vectors, dim=1).numpy()


class Captioner:
    """What is to be seen: a caption of the world's kind, naming the scene and never the identity."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer

    @classmethod
    def load(cls, folder: Path = CAPTIONER) -> Self:
        import torch
        from transformers import AutoTokenizer, BlipForConditionalGeneration

        model = BlipForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        return cls(model, AutoTokenizer.from_pretrained(folder))

    def describe(self, portraits: list[Image.Image]) -> list[str]:
        """One caption each, such as "a portrait of a person, smiling, wearing a red sweater, on a blue background"."""
        import torch

        with torch.inference_mode():
            tokens = self.model.generate(pixel_values=pixels_of(portraits), max_new_tokens=40, num_beams=1)
        said = self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [text.replace(" ,", ",").strip() for text in said]


class Fidelity:
    """How well pictures match prompts: cosines of the folder's CLIP."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer

    @classmethod
    def load(cls, folder: Path = CLIP) -> Self:
        import torch
        from transformers import CLIPModel, CLIPTokenizer

        return cls(CLIPModel.from_pretrained(folder, dtype=torch.float32).eval(), CLIPTokenizer.from_pretrained(folder))

    def match(self, portraits: list[Image.Image], prompts: list[str]) -> NDArray[np.float32]:
        """(pictures, prompts) cosines."""
        import torch

        tokens = self.tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            found = self.model(input_ids=tokens.input_ids, pixel_values=pixels_of(portraits))
        return (found.image_embeds @ found.text_embeds.T).numpy()

    def embed(self, portraits: list[Image.Image]) -> NDArray[np.float32]:
        """(N, 64) with unit norm: the picture half alone, which sees the scene and hardly the person."""
        import torch

        with torch.inference_mode():
            seen = self.model.vision_model(pixel_values=pixels_of(portraits)).pooler_output
            vectors = self.model.visual_projection(seen)
        return torch.nn.functional.normalize(vectors, dim=1).numpy()
