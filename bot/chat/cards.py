"""Every screen has one drawing: `draw` is the only door from the studio's plain data to Discord's components."""

from __future__ import annotations

from bot.chat import (
    ballot_cards,
    coaching_cards,
    crop_cards,
    gallery_cards,
    keeping_cards,
    lexicon_cards,
    news_cards,
    people_cards,
    picture_cards,
    review_cards,
    rules_cards,
    training_cards,
)
from bot.chat.layout import Colour, Drawn, escape, words
from bot.studio.dataset_screens import CoachingCard, WordsCard
from bot.studio.news_screens import NewsCard
from bot.studio.painting_screens import ChannelCard, GalleryCard, PictureCard
from bot.studio.people_screens import (
    ConsentCard,
    HiddenCard,
    LedgerList,
    LoraCard,
    PersonCard,
    PrivacyCard,
    ReportCard,
    RulesCard,
    SubjectCard,
)
from bot.studio.screens import (
    BallotCard,
    CaptionSheet,
    ColumnCard,
    ConfirmCard,
    CropEditor,
    CropSheet,
    EpochPost,
    LoraList,
    Notice,
    PicturesCard,
    Purpose,
    QueueList,
    Reading,
    Screen,
    StatusCard,
    TieCard,
    TroubleCard,
    WinnerCard,
)


def draw(screen: Screen) -> Drawn:
    match screen:
        case Reading():
            return review_cards.reading(screen)
        case CoachingCard():
            return coaching_cards.coaching(screen)
        case WordsCard():
            return lexicon_cards.lexicon(screen)
        case CropSheet():
            return crop_cards.crop_sheet(screen)
        case CropEditor():
            return crop_cards.crop_editor(screen)
        case CaptionSheet():
            return review_cards.caption_sheet(screen)
        case ConfirmCard():
            return review_cards.confirm_card(screen)
        case StatusCard():
            return training_cards.status(screen)
        case EpochPost():
            return training_cards.epoch(screen)
        case BallotCard():
            return ballot_cards.ballot(screen)
        case ColumnCard():
            return ballot_cards.column(screen)
        case TieCard():
            return ballot_cards.tie(screen)
        case WinnerCard():
            return ballot_cards.winner(screen)
        case TroubleCard():
            return training_cards.trouble(screen)
        case PersonCard():
            return people_cards.person(screen)
        case ConsentCard():
            return people_cards.consent(screen)
        case PicturesCard():
            return picture_cards.pictures(screen)
        case PictureCard():
            return gallery_cards.one_picture(screen)
        case GalleryCard():
            return gallery_cards.favourites(screen)
        case ChannelCard():
            return gallery_cards.channel(screen)
        case LoraCard():
            return keeping_cards.lora(screen)
        case PrivacyCard():
            return rules_cards.privacy(screen)
        case SubjectCard():
            return rules_cards.subject(screen)
        case RulesCard():
            return rules_cards.rules(screen)
        case ReportCard():
            return rules_cards.report(screen)
        case HiddenCard():
            return rules_cards.hidden(screen)
        case NewsCard():
            return news_cards.news(screen)
        case LedgerList():
            return keeping_cards.ledger(screen)
        case LoraList():
            return picture_cards.library(screen)
        case QueueList():
            return picture_cards.queue(screen)
        case Notice():
            return Drawn([words(escape(screen.sentence))], Colour.QUIET)


def settled(screen: Screen) -> bool:
    """Whether the card will not change any more by itself, so that nobody needs to look after it."""
    match screen:
        case Reading():
            return screen.done >= screen.given
        case StatusCard():
            return screen.state in training_cards.OVER
        case PicturesCard():
            return screen.ready
        case BallotCard():
            return screen.closed
        case TieCard():
            return bool(screen.result)
        case _:
            return True


FOLLOWED = frozenset({Purpose.READING, Purpose.STATUS, Purpose.PICTURES})
"""Cards that change while nobody presses anything."""

TENDED = frozenset({Purpose.BALLOT, Purpose.TIE})
"""Cards of a vote: bot/chat/ballots.py knows when they have changed."""
