"""What goes into a picture: the LoRAs that are meant, their trigger words in the prompt, the size, steps and seeds.

What was typed goes before what the channel wants, and that before what the base does best with.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.errors import UserError
from bot.language import say
from bot.studio import brush, prompt
from bot.studio.commission import UsedLora
from bot.studio.desk import Desk
from bot.studio.library import Library
from bot.studio.requests import Who
from engine.families.spec import FamilySpec, family
from engine.protocol import SubjectKind
from storage.people import ChannelRules
from storage.records import Lora, Scope

LONGEST_PROMPT = 1500
Used = list[tuple[Lora, float]]
"""With their strengths."""


class Mixing:
    def __init__(self, desk: Desk, library: Library) -> None:
        self.desk = desk
        self.library = library

    async def chosen(self, who: Who, option: str, asked: prompt.Prompt, usual: float) -> Used:
        """The LoRAs of the option, those of the prompt, and those whose trigger word stands in it; each once."""
        usual = usual if asked.strength is None else asked.strength
        found: dict[int, tuple[Lora, float | None]] = {}
        for named in (*prompt.read_named(option), *asked.loras):
            lora = await self.library.named(who, named.name)
            _, strength = found.get(lora.id, (lora, None))
            found[lora.id] = (lora, named.strength if strength is None else strength)
        words = {lora.trigger.casefold() for lora, _ in found.values()}
        for lora in await self.library.triggered(who, asked.words):
            if lora.trigger.casefold() not in words:
                found[lora.id] = (lora, None)
        prompt.check_number_of_loras(len(found))
        self.check_base(lora for lora, _ in found.values())
        return [(lora, usual if strength is None else strength) for lora, strength in found.values()]

    def manner(self, asked: prompt.Prompt, rules: ChannelRules) -> dict[str, object]:
        """The fields of a PaintJob that say how it is painted, and its size; what was typed goes before the channel's."""
        facts, settings = self.facts(), self.desk.settings
        usual = brush.Usual(
            settings.steps_of(rules.steps),
            settings.cfg,
            settings.few_step,
            settings.usual_sampler,
            settings.lora_guidance,
        )
        sized = asked
        if asked.aspect is None and asked.width is None and asked.height is None and rules.size:
            sized = prompt.read_size(rules.size)
        width, height = prompt.size_of(sized, self.side(), facts.multiple_of)
        return {"width": width, "height": height, **brush.settings(asked, facts, usual)}

    async def with_triggers(self, who: Who, words: str, loras: Iterable[Lora]) -> tuple[str, tuple[str, ...]]:
        """The prompt with every LoRA's trigger word in it, and those that were put in."""
        added: list[str] = []
        for lora in loras:
            run = await self.desk.store.runs.get(Scope(who.guild_id), lora.run_id)
            with_it = prompt.with_trigger(words, lora.trigger, run.class_word)
            added += [lora.trigger] if with_it != words else []
            words = with_it
        return words, tuple(added)

    def seeds(self, first: int | None, count: int) -> tuple[int, ...]:
        """Following each other, so that the third picture can be had alone by its own seed."""
        start = self.desk.random.randrange(prompt.SEED_BELOW) if first is None else first
        if not 0 <= start < prompt.SEED_BELOW:
            raise UserError(
                say(
                    "A seed is a whole number from 0 to {most}. Leave it out for a new one.", most=prompt.SEED_BELOW - 1
                )
            )
        return tuple((start + place) % prompt.SEED_BELOW for place in range(count))

    def side(self) -> int:
        """The base's own square, in pixels: the one it is trained at here."""
        settings = self.desk.settings
        trained = settings.recipe_of(settings.preset, SubjectKind.PERSON, settings.min_photos).resolution
        return trained or self.facts().home_resolution

    def check_base(self, loras: Iterable[Lora]) -> None:
        for lora in loras:
            if lora.base != self.desk.settings.base.source:
                raise UserError(
                    say(
                        "{lora} was trained on another base than the one in use now, so it would paint nonsense. "
                        "Train it again, or ask the owner of this bot to go back to its base.",
                        lora=lora.name,
                    )
                )

    async def of_channel(self, who: Who, rules: ChannelRules, strength: float) -> Used:
        """The channel's own LoRA, for whom it is open to."""
        for lora in await self.library.usable(who):
            if lora.id == rules.lora_id and lora.base == self.desk.settings.base.source:
                return [(lora, strength)]
        return []

    def facts(self) -> FamilySpec:
        return family(self.desk.settings.base.family)


def read_prompt(text: str) -> prompt.Prompt:
    if len(text) > LONGEST_PROMPT:
        raise UserError(
            say(
                "A prompt has at most {most} characters, and the base reads about 75 words of it. Shorten it "
                "and send it again.",
                most=LONGEST_PROMPT,
            )
        )
    return prompt.read(text)


def used_loras(loras: Iterable[Lora]) -> tuple[UsedLora, ...]:
    return tuple(UsedLora(lora_id=lora.id, name=lora.name, sha256=lora.sha256, key_id=lora.key_id) for lora in loras)


def size_of(asked: prompt.Prompt, rules: ChannelRules) -> str:
    if asked.aspect is not None:
        return f"{asked.aspect[0]}:{asked.aspect[1]}"
    if asked.width is None and asked.height is None:
        return rules.size or ""
    return f"{asked.width or ''}x{asked.height or ''}"
