"""What every trainer is given: the same photos, the same number of steps, the same size of everything."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from engine.miniature.photos import draw_photos

BASES = ("sd15", "sdxl")
DEVICES = ("cpu", "cuda")
SIDES = {"sd15": 512, "sdxl": 1024}
TRIGGER, CLASS_WORD = "ohwx", "person"
PROMPT = f"a photo of {TRIGGER} {CLASS_WORD}"
SEED = 7310


@dataclass(frozen=True, slots=True)
class Workload:
    base: str
    device: str
    side: int
    batch: int
    rank: int
    photos: int
    repeats: int
    """How often every photo is shown in an epoch."""
    epochs: int
    warm: int
    """Steps at the beginning that are not counted as steady."""
    rounds: int

    @classmethod
    def of(cls, base: str, device: str, *, quick: bool) -> Workload:
        """On a CPU only whether everything runs: `quick` has a few steps at the smallest size that the real networks take."""
        if device == "cpu" and quick:
            return cls(base, device, side=64, batch=1, rank=4, photos=4, repeats=1, epochs=2, warm=1, rounds=1)
        if device == "cpu":
            return cls(base, device, side=256, batch=1, rank=16, photos=6, repeats=2, epochs=2, warm=2, rounds=3)
        if quick:
            return cls(base, device, SIDES[base], batch=4, rank=16, photos=20, repeats=20, epochs=2, warm=25, rounds=1)
        return cls(base, device, SIDES[base], batch=4, rank=16, photos=20, repeats=20, epochs=4, warm=25, rounds=3)

    @property
    def epoch_steps(self) -> int:
        return self.photos * self.repeats // self.batch

    @property
    def steps(self) -> int:
        return self.epoch_steps * self.epochs

    @property
    def ends(self) -> tuple[int, ...]:
        """The step after which each epoch is saved."""
        return tuple(self.epoch_steps * (epoch + 1) for epoch in range(self.epochs))

    @property
    def precision(self) -> str:
        return "no" if self.device == "cpu" else "bf16"

    @property
    def is_cuda(self) -> bool:
        return self.device == "cuda"


@dataclass(frozen=True, slots=True)
class Photos:
    """The same pictures, already as large as they are trained, laid out as each trainer reads them."""

    plain: Path
    """`photos` files."""
    linked: Path
    """Every photo `repeats` times under names of its own: for who begins a new epoch after each file was read once."""
    captioned: Path
    """kohya's: a folder `REPEATS_NAME` inside, with a caption beside each photo."""


def lay_out(work: Workload, folder: Path) -> Photos:
    """Draws them where they are not there yet."""
    photos = Photos(folder / "plain", folder / "linked", folder / "captioned")
    inside = photos.captioned / f"{work.repeats}_{TRIGGER} {CLASS_WORD}"
    for place in (photos.plain, photos.linked, inside):
        place.mkdir(parents=True)
    for number, data in enumerate(drawn(work)):
        name = f"{number:02d}.jpg"
        (photos.plain / name).write_bytes(data)
        for repeat in range(work.repeats):
            (photos.linked / f"{number:02d}-{repeat:02d}.jpg").symlink_to((photos.plain / name).resolve())
        (inside / name).symlink_to((photos.plain / name).resolve())
        (inside / name).with_suffix(".txt").write_text(PROMPT, encoding="utf-8")
    return photos


def drawn(work: Workload) -> list[bytes]:
    """JPEGs of a cartoon person, cropped and scaled to the side of the training."""
    found: list[bytes] = []
    seed = SEED
    while len(found) < work.photos:
        for photo in draw_photos(seed, 3):  # three: a set so small has nothing odd planted in it
            with Image.open(io.BytesIO(photo.data)) as opened:
                picture = ImageOps.fit(opened.convert("RGB"), (work.side, work.side))
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=95)
            found.append(buffer.getvalue())
        seed += 1
    return found[: work.photos]
