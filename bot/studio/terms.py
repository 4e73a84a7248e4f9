"""On what terms the base in use may be used, as far as a bot can heed them.

Terms *bind* where they forbid money or cap it: then the owner of the bot has to say that they were read (`accepted = true` in the
base's record), and nothing is trained or painted before. Everything else is shown and left to people.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import NotAllowed
from bot.language import say


@dataclass(frozen=True)
class Terms:
    """What the record of a base says of its licence."""

    base: str
    """As the owner calls it."""
    name: str
    """Of the licence."""
    url: str = ""
    commercial: bool | None = None
    """Whether a bot that takes money may serve it. None: not known."""
    max_revenue: int | None = None
    """In US dollars a year: above it another licence is needed."""
    attribution: str | None = None
    """What has to stand where its pictures are shown."""
    accepted: bool = False
    """Whether the owner of this bot has read them and keeps to them."""

    @property
    def bind(self) -> bool:
        return self.commercial is False or self.max_revenue is not None

    @property
    def hold_back(self) -> bool:
        """Whether nothing may start before the owner has spoken."""
        return self.bind and not self.accepted


def check(terms: Terms | None) -> None:
    """Raises NotAllowed where the owner has not accepted what binds."""
    if terms is not None and terms.hold_back:
        raise NotAllowed(refusal(terms))


def waits(terms: Terms | None) -> str:
    """Why nothing can start yet; "" when it can."""
    return refusal(terms) if terms is not None and terms.hold_back else ""


def refusal(terms: Terms) -> str:
    return say(
        "The base {base} comes with terms ({terms}) that the owner of this bot has not accepted, so nothing was started. "
        "Fix: the owner reads them and writes accepted = true under [bases.licence] in config.toml.",
        base=terms.base,
        terms=in_short(terms),
    )


def in_short(terms: Terms) -> str:
    """The licence's name and what it forbids: "FLUX Non-Commercial, no commercial use"."""
    told = [terms.name]
    if terms.commercial is False:
        told.append(say("no commercial use"))
    if terms.max_revenue is not None:
        told.append(say("for revenue up to ${dollars} a year", dollars=f"{terms.max_revenue:,}"))
    return ", ".join(told)


def on_card(terms: Terms | None) -> str:
    """One line for whoever is about to train; "" where there is nothing they need to know."""
    if terms is None or not (terms.bind or terms.attribution):
        return ""
    line = say("The base is {base}: {terms}.", base=terms.base, terms=in_short(terms))
    if terms.attribution:
        credit = say('Where its pictures are shown has to stand: "{attribution}".', attribution=terms.attribution)
        line = f"{line} {credit}"
    return line


def credit(terms: Terms | None) -> str:
    """What has to stand where its pictures are shown, in the licence's own words; "" where nothing has to."""
    return (terms.attribution or "") if terms is not None else ""


def facts(terms: Terms | None) -> list[str]:
    """Lines of the page that goes with an exported LoRA, which is bound by the base's terms too."""
    if terms is None:
        return []
    lines = [say("- terms of the base: {terms}", terms=in_short(terms))]
    if terms.url:
        lines.append(say("- they stand at: {url}", url=terms.url))
    if terms.attribution:
        lines.append(say('- where its pictures are shown has to stand: "{attribution}"', attribution=terms.attribution))
    return lines
