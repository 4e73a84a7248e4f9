"""Which photos show the same picture: perceptual hashes, also against the mirror image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

SAME = 6
"""Bits of 64 that may differ. Another size, quality or brightness changes 0 to 2, a crop by a tenth 14, another picture 32."""


class Prints:
    """Hashes by photo id, in the order they were added."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, Any, Any]] = []

    def add(self, photo_id: str, picture: Image.Image) -> str | None:
        """The id of an earlier photo of which `picture` is a copy; else it is remembered itself, and None."""
        import imagehash
        from PIL import ImageOps

        straight: Any = imagehash.phash(picture)
        for earlier, one, mirrored in self._seen:
            if min(straight - one, straight - mirrored) <= SAME:
                return earlier
        self._seen.append((photo_id, straight, imagehash.phash(ImageOps.mirror(picture))))
        return None
