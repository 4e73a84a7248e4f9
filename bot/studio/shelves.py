"""Folders of photos on the bot's own machine, by name: for whoever runs it, and for nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.errors import NotAllowed, NotFound, UserError
from bot.folder import FolderPhoto, read_folder
from bot.language import say
from bot.studio.desk import Desk
from bot.studio.requests import GivenPhoto, Who

PHOTO_BYTES = 25 * 1024 * 1024
MOST_PHOTOS = 100
NAMES = 25


class Shelves:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def names(self, who: Who, typed: str) -> tuple[str, ...]:
        """For autocompletion: none for those who may not use them."""
        if not who.runs_the_bot:
            return ()
        return tuple(name for name, _ in self.desk.settings.folders if typed.lower() in name.lower())[:NAMES]

    def check(self, who: Who, name: str) -> Path:
        """The folder of that name. Raises NotAllowed, NotFound. No disk is touched."""
        if not who.runs_the_bot:
            raise NotAllowed(
                say("Only the one who runs this bot may take photos from its folders. Attach yours instead.")
            )
        path = dict(self.desk.settings.folders).get(name)
        if path is None:
            raise NotFound(
                say(
                    "There is no folder called {name} in this bot's settings. Choose one that is offered while "
                    "you type.",
                    name=name,
                )
            )
        return Path(path)

    async def read(self, who: Who, name: str) -> tuple[GivenPhoto, ...]:
        """Its photos with the captions beside them, in the order of their names; those too large are left out."""
        return await asyncio.to_thread(_photos, self.check(who, name), name)


def _photos(path: Path, name: str) -> tuple[GivenPhoto, ...]:
    try:
        found = read_folder(path)
        photos = [photo for photo in found.photos if photo.size <= PHOTO_BYTES][:MOST_PHOTOS]
        return tuple(_given(photo) for photo in photos)
    except (UserError, OSError):
        # The reader's own sentences name paths of this machine.
        raise UserError(
            say("There are no photos to be read in the folder {name}. Look at it, and at who may read it.", name=name)
        ) from None


def _given(photo: FolderPhoto) -> GivenPhoto:
    return GivenPhoto(Path(photo.name).name, photo.path.read_bytes(), photo.caption or "")
