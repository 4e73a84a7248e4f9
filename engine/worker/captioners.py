"""Captioners for photos of the real world: BLIP and Florence-2 by the classes of transformers itself, from a folder.

Nothing is fetched here and no repository's code is run. Their picture processors want torchvision, so the few numbers that
matter (size, mean, spread) are read from the folder and applied by hand.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from engine.captioning import Captioner, CaptionerRef, place_of

if TYPE_CHECKING:
    import torch
    from PIL import Image

log = logging.getLogger(__name__)

QUESTION = "Describe in detail what is shown in the image."
"""What Florence-2 was taught to answer with a detailed caption; its processor writes <DETAILED_CAPTION> so."""
LONGEST = 96
"""Tokens of an answer."""
ROOM_BYTES = 3 << 30
"""Free memory that an accelerator must have for a captioner beside the base: they come to 1 GB and what a picture takes."""
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Writer(Protocol):
    def write(self, shown: Image.Image) -> str:
        """Sentences about an RGB picture, as the model says them."""
        ...


class Look:
    """How a model wants its pictures: a square of this side, channels less `mean` by `spread`."""

    def __init__(self, side: int, mean: tuple[float, ...], spread: tuple[float, ...]) -> None:
        self.side, self.mean, self.spread = side, mean, spread

    @classmethod
    def of(cls, folder: Path, side: int) -> Self:
        """`side` where the folder does not say."""
        found: dict[str, Any] = {}
        for name in (
            "processor_config.json",
            "preprocessor_config.json",
        ):  # as transformers writes them today, and before
            if (folder / name).is_file():
                written: dict[str, Any] = json.loads((folder / name).read_text())
                found |= written.get("image_processor", written)
        size: Any = found.get("size", side)
        if isinstance(size, dict):
            size = size.get("height") or size.get("shortest_edge") or side  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        mean, spread = found.get("image_mean", IMAGENET[0]), found.get("image_std", IMAGENET[1])
        return cls(int(size), tuple(mean), tuple(spread))  # pyright: ignore[reportUnknownArgumentType]

    def pixels(self, shown: Image.Image) -> torch.Tensor:
        """(1, 3, side, side)"""
        import numpy as np
        import torch
        from PIL import Image

        square = shown.convert("RGB").resize((self.side, self.side), Image.Resampling.BICUBIC)
        mean, spread = np.array(self.mean, dtype=np.float32), np.array(self.spread, dtype=np.float32)
        array = (np.asarray(square, dtype=np.float32) / 255 - mean) / spread
        return torch.from_numpy(array).permute(2, 0, 1)[None]


class Blip:
    def __init__(self, model: Any, tokenizer: Any, look: Look) -> None:
        self._model, self._tokenizer, self._look = model, tokenizer, look

    @classmethod
    def open(cls, folder: Path) -> Self:
        from transformers import AutoTokenizer, BlipForConditionalGeneration

        model = _placed(BlipForConditionalGeneration.from_pretrained(folder, local_files_only=True))
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return cls(model, tokenizer, Look.of(folder, model.config.vision_config.image_size))

    def write(self, shown: Image.Image) -> str:
        import torch

        pixels = self._look.pixels(shown).to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            tokens = self._model.generate(pixel_values=pixels, max_new_tokens=LONGEST, num_beams=3)
        return self._tokenizer.batch_decode(tokens, skip_special_tokens=True)[0].strip()


class Florence2:
    SIDE = 768

    def __init__(self, model: Any, tokenizer: Any, look: Look) -> None:
        self._model, self._tokenizer, self._look = model, tokenizer, look

    @classmethod
    def open(cls, folder: Path) -> Self:
        from transformers import AutoTokenizer, Florence2ForConditionalGeneration

        model = _placed(Florence2ForConditionalGeneration.from_pretrained(folder, local_files_only=True))
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return cls(model, tokenizer, Look.of(folder, cls.SIDE))

    def write(self, shown: Image.Image) -> str:
        import torch

        pixels = self._look.pixels(shown).to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            ids = self._asked(pixels)
            tokens = self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                pixel_values=pixels,
                max_new_tokens=LONGEST,
                num_beams=3,
                do_sample=False,
            )
        return self._tokenizer.batch_decode(tokens, skip_special_tokens=True)[0].strip()

    def _asked(self, pixels: torch.Tensor) -> torch.Tensor:
        """One image token for each place of the picture, then the question, as its processor lays them out."""
        import torch

        seen = self._model.get_image_features(pixel_values=pixels)
        seen = getattr(seen, "pooler_output", seen)
        places = int(seen.shape[-2])
        said: list[int] = self._tokenizer(QUESTION, add_special_tokens=False).input_ids
        start, end = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        ids = [self._model.config.image_token_id] * places + [start, *said, end]
        return torch.tensor([ids], device=pixels.device)


OPENERS: dict[Captioner, Callable[[Path], Writer]] = {Captioner.FLORENCE2: Florence2.open, Captioner.BLIP: Blip.open}


def writer_for(ref: CaptionerRef) -> tuple[Captioner, Writer | None]:
    """Who writes and with what: the model that is asked for, where it is on this machine and opens; else the template."""
    from safetensors import SafetensorError

    kinds = tuple(OPENERS) if ref.kind is Captioner.AUTO else (ref.kind,) if ref.kind in OPENERS else ()
    for kind in kinds:
        folder = place_of(kind, ref.source)
        if folder is None:
            continue
        try:
            return kind, OPENERS[kind](folder)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            log.warning("the captioner %s does not open: %s", kind, type(error).__name__)
    return Captioner.TEMPLATE, None


def _placed(model: Any) -> Any:
    """On the accelerator in half precision where there is room beside the base; else on the CPU in float32."""
    import torch

    model = model.eval()
    if torch.cuda.is_available() and torch.cuda.mem_get_info()[0] >= ROOM_BYTES:
        return model.to("cuda", torch.float16)
    return model.to("cpu", torch.float32)
