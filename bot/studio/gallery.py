"""Favourites: what members keep of what was painted, each for themselves, and what they show to their server."""

from __future__ import annotations

import asyncio
from math import ceil

from bot.errors import NotAllowed, NotFound, UserError
from bot.language import say
from bot.studio import sheets
from bot.studio.commission import commission_of
from bot.studio.desk import Desk
from bot.studio.library import Library
from bot.studio.paint import Paint, lora_of
from bot.studio.painting_screens import MINE, SERVER, GalleryCard, GalleryLine, PictureCard
from bot.studio.requests import Who
from bot.studio.screens import Image, Notice
from bot.studio.sentences import told
from storage.records import Picture, Scope

PER_PAGE = 9
DOUBLE_PRESS_S = 2
"""A second press this soon means the first one: nobody lets go of what they just made a favourite."""


class Gallery:
    def __init__(self, desk: Desk, library: Library, paint: Paint) -> None:
        self.desk = desk
        self.library = library
        self.paint = paint

    @told
    async def page(self, who: Who, whose: str, page: int = 1) -> GalleryCard:
        """Kept last first. Of the server only what this member may use the LoRAs of."""
        if whose not in (MINE, SERVER):
            raise UserError(say("There is your own gallery, and the server's: choose one of them."))
        scope, store = Scope(who.guild_id), self.desk.store
        member_id, loras = self._member(who, whose), await self._may(who)
        total = await store.favourites.count(scope, member_id=member_id, loras=loras)
        pages = max(1, ceil(total / PER_PAGE))
        page = min(max(page, 1), pages)
        first = (page - 1) * PER_PAGE
        found = await store.favourites.list(scope, member_id=member_id, loras=loras, limit=PER_PAGE, offset=first)
        pictures = [await store.pictures.get(scope, favourite.picture_id) for favourite in found]
        specs = [commission_of(await store.jobs.get(scope, picture.job_id)) for picture in pictures]
        lines = tuple(
            GalleryLine(picture.id, first + n, picture.prompt, picture.seed, favourite.shared)
            for n, (favourite, picture) in enumerate(zip(found, pictures, strict=True), 1)
        )
        data = [await store.blobs.get(scope, picture.key_id, picture.sha256) for picture in pictures]
        sheet = None
        if data:
            shelf = await asyncio.to_thread(sheets.shelf, data, [line.number for line in lines])
            alt = say("Favourites {first} to {last}, made by AI", first=first + 1, last=first + len(lines))
            sheet = Image(f"gallery-{page}.webp", shelf, alt)
        return GalleryCard(whose, lines, sheet, page, pages, total, any(spec.spoiler for spec in specs))

    @told
    async def open(self, who: Who, picture_id: int, back: str = "") -> PictureCard:
        """One picture of a gallery that this member may look into."""
        picture = await self._picture(who, picture_id)
        store, scope, loras = self.desk.store, Scope(who.guild_id), await self._may(who)
        for member_id in (who.member_id, None):
            if await store.favourites.shown(scope, picture, member_id=member_id, loras=loras):
                return await self.card(who, picture, back)
        raise NotFound(say("That picture is in no gallery of yours any more. /gallery shows those that are."))

    @told
    async def alone(self, who: Who, job_id: str, number: int) -> PictureCard:
        """Picture `number` (from 0) of a painting that was posted, by itself."""
        return await self.card(who, await self._of_job(who, job_id, number))

    @told
    async def keep(self, who: Who, picture_id: int, back: str = "") -> PictureCard:
        picture = await self._picture(who, picture_id)
        await self._keep(who, picture)
        return await self.card(who, picture, back)

    @told
    async def drop(self, who: Who, picture_id: int, back: str = "") -> PictureCard:
        picture = await self._picture(who, picture_id)
        await self.desk.store.favourites.drop(Scope(who.guild_id), picture_id, who.member_id)
        return await self.card(who, picture, back)

    @told
    async def toggle(self, who: Who, job_id: str, number: int) -> Notice:
        """For the buttons under a grid, which look the same to everybody."""
        picture = await self._of_job(who, job_id, number)
        scope, favourites = Scope(who.guild_id), self.desk.store.favourites
        known = await favourites.get(scope, picture.id, who.member_id)
        if known is not None and self.desk.clock() - known.kept_at > DOUBLE_PRESS_S:
            await favourites.drop(scope, picture.id, who.member_id)
            return Notice(say("Picture {number} is no favourite of yours any more.", number=number + 1))
        await self._keep(who, picture)
        return Notice(say("Picture {number} is a favourite of yours now. /gallery shows them.", number=number + 1))

    @told
    async def share(self, who: Who, picture_id: int, shared: bool, back: str = "") -> PictureCard:
        """Show a favourite to the whole server, or to nobody else again. For whoever had it painted."""
        picture = await self._picture(who, picture_id)
        if picture.member_id != who.member_id:
            raise NotAllowed(say("Only the one who had it painted may show it to the whole server."))
        await self._keep(who, picture)
        await self.desk.store.favourites.share(Scope(who.guild_id), picture_id, who.member_id, shared)
        return await self.card(who, picture, back)

    async def card(self, who: Who, picture: Picture, back: str = "") -> PictureCard:
        scope = Scope(who.guild_id)
        spec = commission_of(await self.desk.store.jobs.get(scope, picture.job_id))
        kept = await self.desk.store.favourites.get(scope, picture.id, who.member_id)
        shot = spec.work.shots[picture.number] if spec.matrix is not None else None
        return PictureCard(
            picture_id=picture.id,
            job_id=picture.job_id,
            number=picture.number,
            image=await self.paint.image(scope, spec, picture),
            prompt=shot.prompt if shot is not None and shot.prompt is not None else picture.prompt,
            lora=lora_of(spec),
            label=spec.matrix.label(picture.number) if spec.matrix is not None else "",
            seed=picture.seed,
            member_id=picture.member_id,
            kept=kept is not None,
            shared=kept is not None and kept.shared and picture.member_id == who.member_id,
            can_share=kept is not None and picture.member_id == who.member_id,
            can_edit=spec.epochs is None,
            spoiler=spec.spoiler,
            back=back,
        )

    # -- inside

    async def _keep(self, who: Who, picture: Picture) -> None:
        store, scope = self.desk.store, Scope(who.guild_id)
        async with store.write():
            await store.favourites.keep(scope, picture.id, who.member_id)
            mine = await store.favourites.shown(scope, picture, member_id=who.member_id, loras=await self._may(who))
            if not mine:
                raise NotAllowed(
                    say(
                        "Its LoRA is not one you may use, or somebody objected to it: it cannot be a "
                        "favourite of yours. /loras lists those you may use."
                    )
                )

    async def _may(self, who: Who) -> tuple[int, ...]:
        return tuple(lora.id for lora in await self.library.usable(who))

    async def _picture(self, who: Who, picture_id: int) -> Picture:
        return await self.desk.store.pictures.get(Scope(who.guild_id), picture_id)

    async def _of_job(self, who: Who, job_id: str, number: int) -> Picture:
        for picture in await self.desk.store.pictures.of_job(Scope(who.guild_id), job_id):
            if picture.number == number:
                return picture
        raise NotFound(say("That picture is not kept any more. Paint it again with Same seed."))

    def _member(self, who: Who, whose: str) -> int | None:
        return who.member_id if whose == MINE else None
