"""What is kept, in an imitated Discord with the real studio: one LoRA's card, rights, the file, privacy, rules, reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import pytest_asyncio
import simcord

from storage.records import Scope
from tests.journeys.town import Town, words

NAME = "kat3r1na-gen0"


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Town(tmp_path).open() as opened:
        yield opened


def admin(town: Town) -> simcord.MemberActor:
    role = town.guild.create_role("keeper", permissions=discord.Permissions(manage_guild=True))
    return town.guild.add_member(town.env.create_user("carol"), roles=[town.people, role])


async def learnt(town: Town) -> None:
    """Alice's own face, published for everybody here."""
    await town.train()
    await town.engine_done()
    await town.press("Looks right", "the crops")
    await town.press("Looks right", "the captions")
    await town.alice.select(town.the("Ready to learn"), ["server"], custom_id="lk1:set.access:1")
    await town.press("Start training", "Ready to learn")
    await town.engine_done()
    await town.press("Close now", "is best?")


async def opened(town: Town, who: simcord.MemberActor) -> simcord.InteractionResult:
    listed = await who.slash(town.channel, "loras")
    assert listed.response is not None
    return await who.select(listed.response, ["1"], custom_id="lk1:lora.open:0")


async def names(town: Town, who: simcord.MemberActor) -> list[str]:
    found = await who.autocomplete(town.channel, "imagine", "lora", "")
    return [choice["value"] for choice in found]


async def test_one_card_shares_renames_and_deletes(town: Town) -> None:
    await learnt(town)
    card = await opened(town, town.alice)
    assert card.response is not None
    assert "everybody on this server" in words(card.response)
    theirs = await opened(town, town.bob)
    assert theirs.response is not None and "Rename" not in str(theirs.response.message.components[0].to_dict())

    assert await names(town, town.bob) == [NAME]
    asked = await town.alice.select(card.response, ["members"], custom_id="lk1:lora.share:1")
    assert asked.response is not None and "Who exactly?" in words(asked.response)
    assert "everybody" in words((await opened(town, town.bob)).response)
    shared = await town.alice.select(asked.response, [town.alice], custom_id="lk1:lora.members:1")
    assert shared.response is not None and f"<@{town.alice.id}>" in words(shared.response)
    listed = await town.bob.slash(town.channel, "loras")
    assert listed.response is not None and "Nothing has been learnt" in words(listed.response)
    assert await names(town, town.bob) == []
    painted = await town.bob.slash(town.channel, "imagine", prompt="a portrait", lora=NAME)
    assert painted.response is not None and "that you may use" in words(painted.response)

    form = await town.alice.click(shared.response, label="Rename")
    renamed = await town.alice.submit_modal(form, {"name": "birthday"})
    assert renamed.response is not None and "### birthday" in words(renamed.response)
    form = await town.alice.click(renamed.response, label="Prompt to begin with")
    prompted = await town.alice.submit_modal(form, {"prompt": "ohwx by the sea"})
    assert prompted.response is not None and "`/imagine ohwx by the sea`" in words(prompted.response)
    form = await town.alice.click(prompted.response, label="Imagine with it")
    assert "ohwx by the sea" in str(form.modal)
    done = await town.alice.click(prompted.response, label="What was done with it")
    assert done.response is not None and "changed who may use it" in words(done.response)

    form = await town.alice.click(prompted.response, label="Delete it")
    gone = await town.alice.submit_modal(form, {"word": "forget"})
    assert gone.response is not None and "birthday is deleted" in words(gone.response)
    await town.round(2)
    assert town.find("is here") == []


async def test_the_file_is_handed_to_the_owner_in_pieces_that_fit(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await learnt(town)
    refused = await town.bob.slash(town.channel, "export", lora=NAME)
    assert refused.response is not None and "decides that" in words(refused.response)
    whole = await town.alice.slash(town.channel, "export", lora=NAME)
    assert [m.attachments[0].filename for m in whole.followups] == [f"{NAME}.safetensors", f"{NAME}.md"]
    size = whole.followups[0].attachments[0].size
    monkeypatch.setattr("bot.chat.exports.BODY_LIMIT", size // 2 + 1)
    split = await town.alice.slash(town.channel, "export", lora=NAME)
    assert split.response is not None and "comes in 2 parts" in words(split.response)
    assert [m.attachments[0].filename for m in split.followups] == [
        f"{NAME}.safetensors.part01", f"{NAME}.safetensors.part02", f"{NAME}.md",
    ]  # fmt: skip


async def test_privacy_tells_and_takes_back_and_forgets(town: Town) -> None:
    await learnt(town)
    told = await town.alice.slash(town.channel, "privacy")
    assert told.response is not None
    for fact in ("1 subject you brought, with 8 photos", "older backups", "The owner of that machine has the keys"):
        assert fact in words(told.response)
    nothing = await town.bob.slash(town.channel, "privacy")
    assert nothing.response is not None and "0 subjects you brought" in words(nothing.response)
    one = await town.alice.select(told.response, ["1"], custom_id="lk1:subject.open:0")
    assert one.response is not None and "Kat3r1na" in words(one.response)
    back = await town.alice.click(one.response, label="Take it back")
    assert back.response is not None and "took it back" in words(back.response)
    listed = await town.alice.slash(town.channel, "loras")
    assert listed.response is not None and "Nothing has been learnt" in words(listed.response)

    again = await town.alice.slash(town.channel, "forget")
    assert again.response is not None
    await town.kill_and_start()
    form = await town.alice.click(again.response, label="Forget everything about me")
    done = await town.alice.submit_modal(form, {"word": "forget"})
    assert done.response is not None and words(done.response).startswith("Forgotten")
    await town.round(2)
    assert town.app.store.database.vault.key_ids() == set()
    assert [m for m in town.channel.history() if m.type is discord.MessageType.default] == []
    (line, *_) = await town.app.store.audit.list(Scope(town.guild.id))
    assert line.who_id == 0


async def test_rules_are_the_admins(town: Town) -> None:
    carol = admin(town)
    with pytest.raises(Exception, match=r"(?i)permission|settings"):
        await town.bob.slash(town.channel, "settings")
    shown = await carol.slash(town.channel, "settings")
    assert shown.response is not None and "May train: everybody" in words(shown.response)
    role = town.guild.create_role("painters")
    chosen = await carol.select(shown.response, [role], custom_id="lk1:rules.roles:0")
    assert chosen.response is not None and f"<@&{role.id}>" in words(chosen.response)
    form = await carol.click(chosen.response, label="Quotas and days")
    numbered = await carol.submit_modal(form, {"pictures_per_day": "5", "keep_photos_days": "30"})
    assert numbered.response is not None and "photos 30" in words(numbered.response)
    form = await carol.click(numbered.response, label="Quotas and days")
    assert "'30'" in str(form.modal), "filled with what the card shows"
    audit = await carol.click(numbered.response, label="Audit")
    assert audit.response is not None and "changed the rules" in words(audit.response)

    refused = await town.train()
    assert refused.response is not None and "one of these roles may train" in words(refused.response)
    assert f"<@&{role.id}>" in words(refused.response)
    assert town.channel.threads == [] or not list(town.room.history())


@pytest.mark.parametrize("road", ["menu", "link"])
async def test_a_reported_picture_is_hidden_and_an_admin_decides(town: Town, road: str) -> None:
    carol = admin(town)
    await town.alice.slash(town.channel, "imagine", prompt="a dog on a bicycle", count=2)
    await town.engine_done()
    picture = town.the("a dog on a bicycle")
    if road == "menu":
        thanked = await town.bob.context_menu(town.channel, "Report this picture", picture)
    else:
        link = f"https://discord.com/channels/{town.guild.id}/{town.channel.id}/{picture.id}"
        thanked = await town.bob.slash(town.channel, "report", message=link)
    assert thanked.response is not None and "hidden" in words(thanked.response)
    hidden = town.the("These pictures were reported")
    assert hidden.id == picture.id and hidden.attachments == []
    case = town.the("Pictures were reported")
    assert case.attachments == []
    no = await town.bob.click(case, label="Look at it")
    assert no.response is not None and "manage this server" in words(no.response)
    await town.kill_and_start()
    look = await carol.click(town.the("Pictures were reported"), label="Look at it")
    assert look.response is not None and len(look.response.attachments) == 1
    if road == "menu":
        await carol.click(town.the("Pictures were reported"), label="Put it back")
        assert "Put back." in words(town.the("Pictures were reported"))
        assert len(town.the("a dog on a bicycle").attachments) == 1
    else:
        await carol.click(town.the("Pictures were reported"), label="Delete the pictures")
        await town.round(2)
        assert town.find("reported") == [] and town.find("bicycle") == []


async def test_what_is_no_picture_cannot_be_reported(town: Town) -> None:
    await town.train()
    await town.engine_done()
    wrong = await town.bob.slash(town.channel, "report", message="that one up there")
    assert wrong.response is not None and "no link of a message" in words(wrong.response)
    other = await town.alice.context_menu(town.room, "Report this picture", town.the("the crops"))
    assert other.response is not None and "nothing to report" in words(other.response)


async def test_stop_after_epoch_and_help(town: Town) -> None:
    nothing = await town.alice.slash(town.channel, "stop-after-epoch")
    assert nothing.response is not None and "No training of yours is running" in words(nothing.response)
    helped = await town.alice.slash(town.channel, "help")
    assert helped.response is not None and "/stop-after-epoch" in words(helped.response)
