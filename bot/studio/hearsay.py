"""Sentences that were put into English before anybody knew who would read them: by the engine, or in a row.

The engine says what went wrong, and why it would take an epoch, in plain English; a row keeps that. `retell` says it in
the language in force, by the form of the sentence. What a member did is kept as codes and needs none of this.
"""

from __future__ import annotations

import re
from functools import cache

from bot.language import ENGLISH, say, spoken, translated

HEARD = (
    # Why an epoch is suggested.
    "Epoch {epoch} is {points} of 100 like the photos",
    "{said} and still follows prompts like the base ({points} of 100)",
    "{said} but follows prompts less well than the base ({points} of 100); no other epoch balances both better.",
    "{said} but repeats the photos ({points} of 100); no other epoch balances both better.",
    "{said} but makes others of its kind look like it ({points} of 100); no other epoch balances both better.",
    "{said}; earlier ones are behind.",
    "{said}; later ones follow prompts less.",
    "{said}; later ones repeat the photos.",
    "{said}; later ones change others of its kind.",
    "{said}; later ones gain little.",
    "This base has no eyes to compare subjects with, so choose by the previews.",
    "Of the {epochs} finished epochs, epoch {best} looks best so far.",
    # Why a photo was left out, where no code says it.
    "was not looked at, because that was cancelled",
    "could not be read",
    # Why a job or a training ended.
    "Cancelled before its first epoch.",
    "The training ended before its first epoch was done, so there is nothing to choose from. Start it again.",
    "It made the engine stop three times, so it was set aside. The owner of this bot should look at it before trying again.",
    "This job made the engine stop three times, so it was set aside. The other jobs go on; the owner has to look at it.",
    "A file it needs is not stored any more. Start again with the photos or the LoRA that are there.",
    "Something broke before it could begin. Press Try again; tell the owner if it happens again.",
    "Something broke while its result was being stored; it was stopped. Try again; tell the owner if it happens again.",
    "The one in the photos took their word back, so nothing is trained with them.",
    "I was removed from this server while this was under way, so it was stopped. Nothing of it is lost: press Try again.",
    "The engine does not start, so nothing can be painted or trained. The owner finds the reason in its log.",
    "The engine is not running.",
    "The engine met an error of its own. Nothing was lost; the owner finds the place in the log.",
    "The engine ran out of memory. Try a smaller picture, fewer at once, or a lighter preset.",
    "The disk of this bot's machine is full, so its result could not be kept. Tell its owner, then press Try again.",
    "The disk of the engine's machine is full. What was saved is kept: tell its owner, then press Try again.",
    "The training ran away: its loss is no number any more, also with lower rates. Finished epochs are kept; train again "
    "with the quick preset or a lower learning rate.",
    "The loss is no number any more.",
    "The loss was no number any more: back to step {step}, with {share} of the learning rates.",
    "Memory is short: {pictures} of {all} pictures at a time. Slower, with the same result.",
    "Memory is short: {pictures} of {all} pictures at a time and what the backward needs is computed again instead of kept. "
    "Slower, with the same result.",
    "Memory is short: what the backward needs is computed again instead of kept. Slower, with the same result.",
    "The tiny VAE for previews is of another family: it reads {channels} channels, and {base} has {own}. Name another one, or "
    "none.",
    "The tiny VAE for previews cannot be loaded. Name its diffusers folder, or none.",
    "A resolution of {size} px does not fit this base; it must divide by {step}.",
    "bucket_reso_steps = {size} does not fit this base; it must divide by {step}.",
    '{base} reads prompts with a language model that learns no words. Train a LoRA: method = "lora".',
    "{base} reads prompts with a language model that knows no learned words. Leave it out.",
    'init_word = "{word}" is no word that this base reads. Take a plain one.',
    'AdamW8bit runs on NVIDIA cards only, and this is "{device}". Take optimizer_type = "AdamW": the same steps, with more '
    "memory.",
    'AdamW8bit needs the package bitsandbytes, which is not installed here. Install it, or take optimizer_type = "AdamW": the '
    "same steps, with more memory.",
    "Clip skip {skipped} leaves nothing of {base}'s text encoder, which has {layers} layers. Give 1 to {most}.",
    "A prompt with a learned word cannot hold all of {marks} at once. Leave one of them out.",
    "There are no photos to learn from.",
    "One of the photos cannot be read any more. Upload it again.",
    "The crop of one of the photos is empty. Fix its crop, then train again.",
    "One of the crops is {width} x {height} px, less than a bucket step of {step} px. Leave that photo out, or set "
    "bucket_reso_steps lower.",
    "A picture of {width}x{height} is too large; {most} along a side is the most.",
    "The picture to start from is no PNG, JPEG or WebP. Give another one.",
    "The picture to start from is broken. Save it again, or give another one.",
    "The picture to start from is over 64 megapixels: make it smaller first.",
    "The LoRA of the fast mode cannot be read. Paint without the fast mode, and tell the owner of this machine.",
    "The sampler {sampler} walks at most {most} steps, and does best with 4 to 8: write `--steps 6`.",
    "The sampler {sampler} cannot paint with this base. It has {names}.",
    "This training needs {least} GiB of free memory at the least, and {free} GiB are free. Take a lower resolution or a "
    "smaller base, or close what else uses the device.",
    "{base} needs {least} GiB of memory for its weights alone, and {free} GiB are free. Take a smaller base, or a device "
    "with more memory.",
)


def retell(english: str) -> str:
    """`english` in the language in force, where it has the form of a sentence we know; else as it is."""
    if spoken() == ENGLISH or not english:
        return english
    for pattern, form in _forms():
        found = form.fullmatch(english)
        if found is not None:
            return say(pattern, **{name: retell(value) for name, value in found.groupdict().items()})
    return translated(english)


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Those that say most by themselves first: a field must not swallow what another sentence says."""
    plain = sorted(HEARD, key=lambda pattern: len(re.sub(r"\{\w+\}", "", pattern)), reverse=True)
    return tuple((pattern, _form(pattern)) for pattern in plain)


def _form(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", pattern)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if n % 2 else re.escape(part) for n, part in enumerate(parts)), re.DOTALL
    )
