"""What a trained or painted picture shows of the photo it was cut from. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Framing:
    """In pixels of the trained or painted size. SDXL is told of it (Podell et al. 2023, section 2.2)."""

    width: int
    height: int
    """Of what is learnt or painted."""
    original_width: int
    original_height: int
    """Of the crop before it was scaled."""
    left: int = 0
    top: int = 0
    """What was cut off there, after scaling."""

    @classmethod
    def whole(cls, width: int, height: int) -> Framing:
        """A picture that shows everything, at the size it has."""
        return cls(width, height, width, height)
