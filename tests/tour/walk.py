"""An evening on the stage of the demo, with a camera: every card as a browser shows it, wide and on a phone.

The real bot and engine play; a headless browser opens the preview of whatever is to be seen, and only the card is kept.
"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import simcord
from PIL import Image
from simcord.results import InteractionResult, ResponseMessage

from bot.demo.stage import Stage, StageError
from bot.demo.transcript import walk
from tests.tour.browser import Page

WIDE, PHONE = (660, 3200, 1.5), (390, 3200, 2.0)
"""Width and height in CSS pixels, and device pixels for each."""
QUALITY = 78
STILL, LOOK_S = 4, 0.3
"""So many looks in a row, so many seconds apart, find a card in the same place before it is taken."""
LONGEST = 3600
"""Device pixels a picture may be high: what is longer is cut at the foot."""
PREPARE = """
document.querySelectorAll('[data-workbench]').forEach((part) => { part.style.display = 'none'; });
document.querySelectorAll('#focused-content, #modal-root *').forEach((part) => { part.style.maxHeight = 'none'; });
true
"""
"""The bar and the lists around are the preview's, not Discord's; what is long is shown whole."""
SEEN = (
    "(document.querySelector('#modal-root [role=dialog]') || document.querySelector('#focused-content:not([hidden])'))"
)
READY = f"""
(() => {{
  const seen = {SEEN};
  if (!seen || !seen.getBoundingClientRect().height) return false;
  if (document.querySelector('#preview-app').getAttribute('aria-busy') === 'true') return false;
  return [...seen.querySelectorAll('img')].every((image) => image.complete && image.naturalWidth > 0);
}})()
"""
BOX = f"""
(() => {{
  const box = {SEEN}.getBoundingClientRect();
  return {{ x: box.x + window.scrollX, y: box.y + window.scrollY, width: box.width, height: box.height }};
}})()
"""


@dataclass
class Camera:
    """Takes a picture of a message, a private answer or a form, as one member sees it."""

    stage: Stage
    page: Page
    out: Path
    taken: dict[str, tuple[int, int, int]] = field(default_factory=dict[str, "tuple[int, int, int]"])
    """File -> width, height, bytes."""

    async def take(
        self, name: str, who: str, target: Any, *, phone: bool = False, wide: bool = True, locale: str = "en-US"
    ) -> None:
        """`target`: a message of the backend, or what an interaction was answered with."""
        channel = self._channel(target)
        viewer = self.stage.members[who]
        async with self.stage.env.preview(channel, viewers=[viewer], layout="message", locale=locale) as preview:
            await preview.show(target if isinstance(target, InteractionResult) else self._real(target))
            for here, suffix, (width, height, scale) in ((wide, "", WIDE), (phone, "-phone", PHONE)):
                if here:
                    await self.page.size(width, height, scale=scale, phone=bool(suffix))
                    await self.page.open("about:blank")
                    await self.page.open(preview.url)
                    await self.page.until(READY, f"{name} on the page")
                    self._keep(name + suffix, await self.page.picture(await self._in_place(name)), scale)

    async def _in_place(self, name: str) -> dict[str, float]:
        """The page lays itself out anew when its bars go; where the card is once it keeps still."""
        seen: list[dict[str, float]] = []
        while len(seen) < STILL or any(box != seen[-1] for box in seen[-STILL:]):
            await self.page.js(PREPARE)
            await asyncio.sleep(LOOK_S)
            await self.page.until(READY, f"{name} in its place")
            seen.append(await self.page.js(BOX))
        return seen[-1]

    def _channel(self, target: Any) -> simcord.ChannelHandle:
        found: Any = target
        if isinstance(target, InteractionResult):
            found = target.response or (target.followups[0] if target.followups else None)
            if found is None:
                return self.stage.channel
            found = found.message
        number = getattr(found, "channel_id", None) or found.channel.id
        channels = (self.stage.channel, *self.stage.channel.threads)
        return next(channel for channel in channels if channel.id == number)

    def _real(self, message: Any) -> Any:
        return ResponseMessage(self.stage.env, message).message

    def _keep(self, name: str, png: bytes, scale: float) -> None:
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        if picture.height > LONGEST:
            picture = picture.crop((0, 0, picture.width, LONGEST))
        file = self.out / f"{name}.webp"
        picture.save(file, "WEBP", quality=QUALITY, method=6)
        self.taken[file.name] = (picture.width, picture.height, file.stat().st_size)


def newest(stage: Stage, verb: str) -> Any:
    """The newest message on which this can be pressed."""
    found = stage.pressable(verb)
    if found is None:
        raise StageError(f"there is nothing to press for {verb}")
    return found[0]


def message_with(stage: Stage, words: str) -> Any:
    """The newest message in which these words stand."""
    for message in stage.messages():
        if any(words in str(part.get("content", "")) for part in walk(message.components)):
            return message
    raise StageError(f"{words!r} stands nowhere")
