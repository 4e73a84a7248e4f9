"""The conversation from photos to pictures, told so that it can break off anywhere and be taken up again.

Each part says how it is done and how one sees that it is. Broken off in the middle it is done again where nothing shows
for it: a member presses the button once more, or sends the form once more, since both still stand on their screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

from bot.chat.ballot_cards import BALLOT_EMOJI
from tests.studio.house import photo
from tests.wire.board import APPLICATION_ID, Payload, digest, pressable, texts
from tests.wire.discord_server import CHANNEL_ID, Wire
from tests.wire.interactions import Asked
from tests.wire.launch import EPOCHS
from tests.wire.member import Member

PHOTOS = [(f"IMG_{n}.jpg", photo(n)) for n in range(1, 6)]
PROMPT = "a portrait of k4tya person by the sea"

Part = Callable[[], Coroutine[Any, Any, object]]
Shown = Callable[[], object]


class Story:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.alice, self.bob = Member(wire, "101", "alice"), Member(wire, "102", "bob")
        self.form: Asked | None = None
        self.parts: list[Part] = [
            self.photos,
            self.crops,
            self.caption,
            self.captions,
            self.trigger,
            self.access,
            self.start,
            self.training,
            self.votes,
            self.close,
            self.pictures,
            self.quiet,
        ]
        self.told = 0

    async def tell(self, to: Part | None = None) -> None:
        """From where it was broken off to the end, or to the part before `to`."""
        while self.told < len(self.parts) and self.parts[self.told] != to:
            part = self.parts[self.told]
            try:
                await part()
            except TimeoutError:
                raise AssertionError(f"{part.__name__}: it never came to that. There stands {self.ending()}") from None
            self.told += 1

    # -- the parts

    async def photos(self) -> None:
        if self.form is None:
            self.form = await self.alice.command("train", name="Kat3r1na")
        if not self.find("the crops"):
            await self.alice.fill(self.form, name="Kat3r1na", consent=True, photos=PHOTOS)
        await self.seen(lambda: self.can("the crops", "crop.accept"))

    async def crops(self) -> None:
        await self.done(
            lambda: self.tap("the crops", "crop.accept"),
            lambda: self.can("the captions", "cap.accept") and not self.can("the crops", "crop.accept"),
        )

    async def caption(self) -> None:
        async def edit() -> None:
            opened = await self.alice.press(self.the("the captions"), "cap.edit")
            await self.alice.fill(opened, caption__1="laughing, in a park")

        await self.done(edit, lambda: "laughing, in a park" in words(self.the("the captions")))

    async def captions(self) -> None:
        await self.done(
            lambda: self.tap("the captions", "cap.accept"),
            lambda: self.can("Ready to learn", "set.start") and not self.can("the captions", "cap.accept"),
        )

    async def trigger(self) -> None:
        async def change() -> None:
            opened = await self.alice.press(self.the("Ready to learn"), "set.trigger")
            await self.alice.fill(opened, trigger="k4tya")

        await self.done(change, lambda: "k4tya" in words(self.the("Ready to learn")))

    async def access(self) -> None:
        def chosen() -> bool:
            menus = [p for p in pressable(self.the("Ready to learn")) if p["custom_id"].startswith("lk1:set.access")]
            return any(o["value"] == "server" and o.get("default") for menu in menus for o in menu["options"])

        await self.done(lambda: self.alice.press(self.the("Ready to learn"), "set.access", choose="server"), chosen)

    async def start(self) -> None:
        await self.done(
            lambda: self.tap("Ready to learn", "set.start"),
            lambda: "Started." in words(self.the("Ready to learn")) and self.find("### Kat3r1na\n"),
        )

    async def training(self) -> None:
        await self.seen(lambda: len(self.find("**Epoch")) == EPOCHS)
        await self.seen(lambda: self.can("is best?", "vote.close") and len(self.seeds(self.the("is best?"))) == EPOCHS)

    async def votes(self) -> None:
        await self.bob.react(self.the("is best?"), BALLOT_EMOJI[2])
        await self.alice.react(self.the("is best?"), BALLOT_EMOJI[2])
        await self.alice.react(self.the("is best?"), BALLOT_EMOJI[0])

    async def close(self) -> None:
        await self.done(
            lambda: self.tap("is best?", "vote.close"),
            lambda: self.find("is here") and not self.can("is best?", "vote.close"),
        )

    async def pictures(self) -> None:
        """Asked for once: Discord shows that the bot is thinking, so nobody asks again."""
        if not any(asked.first is not None for asked in self.asked("imagine")):
            await self.bob.command("imagine", prompt=PROMPT, count=2, seed=7)
        await self.seen(lambda: self.can(PROMPT, "pic.again"))

    async def quiet(self) -> None:
        """Until the card of the training says that it is over."""
        await self.seen(lambda: "Done: published as kat3r1na-gen0." in words(self.the("### Kat3r1na\n")))

    # -- looking

    async def done(self, act: Part, shows: Shown) -> None:
        if not shows():
            await act()
        await self.seen(shows)

    async def tap(self, text: str, verb: str) -> None:
        """Where there is no such button any more, the press has had its effect and what comes of it is on its way."""
        if self.can(text, verb):
            await self.alice.press(self.the(text), verb)

    async def seen(self, shows: Shown) -> None:
        await self.wire.until(shows)

    def find(self, text: str) -> list[Payload]:
        board = self.wire.board
        return [m for channel in board.messages.values() for m in channel.values() if text in words(m)]

    def the(self, text: str) -> Payload:
        """The newest that says so."""
        return self.find(text)[-1]

    def can(self, text: str, verb: str) -> bool:
        return any(part["custom_id"].split(":")[1] == verb for m in self.find(text) for part in pressable(m))

    def seeds(self, message: Payload) -> list[str]:
        there = self.wire.board.reactions.get(message["id"], {})
        return [emoji for emoji, who in there.items() if APPLICATION_ID in who]

    def asked(self, about: str) -> list[Asked]:
        return [asked for asked in self.wire.interactions.asked.values() if asked.about == about]

    # -- what it came to

    def ending(self) -> list[Any]:
        """What stands in every channel at the end, but for what differs from one telling to the next."""
        board = self.wire.board
        return [
            [plain(channel["name"]), *(self._said(m) for m in board.messages[id].values())]
            for id, channel in board.channels.items()
        ]

    def twice(self) -> list[str]:
        """What was posted more than once, deleted since or not."""
        said = [f"{m['channel_id'] == CHANNEL_ID} {self._said(m)}" for m in self.wire.board.posted]
        nonces = [f"{m['channel_id']} nonce {m.get('nonce')}" for m in self.wire.board.posted]
        return [text for text in {*said, *nonces} if (said + nonces).count(text) > 1]

    def _said(self, message: Payload) -> tuple[Any, ...]:
        files = [(plain(a["filename"]), digest(self.wire.board.content(a))) for a in message["attachments"]]
        presses = [plain(part["custom_id"]) for part in pressable(message)]
        votes = {emoji: sorted(who) for emoji, who in self.wire.board.reactions.get(message["id"], {}).items()}
        return plain(words(message)), files, presses, votes


def words(message: Payload) -> str:
    return "\n".join(texts(message)) + "\n"


def plain(text: str) -> str:
    """Without the times and ids that are another's in every telling."""
    text = re.sub(r"<t:\d+(:\w)?>", "<t>", text)
    text = re.sub(r"<#\d+>", "<#>", text)
    text = re.sub(r"^(train-.*)-[0-9a-f]{6}$", r"\1", text)
    return re.sub(r"\b(?:[0-9a-f]{16}|[0-9a-f]{8}|\d{10,})\b", "-", text)
