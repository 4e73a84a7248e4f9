"""The words of coaching: what is wrong, why it matters, what to do. Labels are translated where they are drawn."""

from __future__ import annotations

from enum import StrEnum

from bot.language import many, say
from bot.studio.coaching import Act, Deed, Finding, Grade, Matter
from bot.studio.dataset_screens import CoachingCard

SHOWN_NUMBERS = 14


class Button(StrEnum):
    """Labels, at most 34 characters."""

    DROP = "Leave them out"
    DROP_ONE = "Leave it out"
    DROP_COPIES = "Drop the copies"
    DROP_BURST = "Keep the sharpest"
    TAKE = "Take the copies anyway"
    MORE = "Add photos"
    KEEP = "Keep them"
    KEEP_ONE = "Keep it"
    KEEP_BURST = "Keep them all"
    SAME_PERSON = "It is one person"
    RIGHT_FACE = "The boxes are right"
    GO_ON = "Go on with these"
    FINE = "All right"
    UNDO = "Undo"


def title(subject: str) -> str:
    return say("### {subject}: the photos", subject=subject)


def grade(screen: CoachingCard) -> str:
    """What to expect, in words."""
    if screen.kind == "style":
        return _style_grade(screen)
    match screen.grade:
        case Grade.EXCELLENT:
            return say(
                "**Very good.** Plenty of good photos, and different ones. Expect a likeness by epoch {epoch} of {epochs}.",
                epoch=screen.epoch,
                epochs=screen.epochs,
            )
        case Grade.GOOD:
            return say(
                "**Good.** Likely a likeness by epoch {epoch} of {epochs}.", epoch=screen.epoch, epochs=screen.epochs
            )
        case Grade.FAIR:
            return say(
                "**Fair.** A likeness may come late, by epoch {epoch} of {epochs}; better photos help more than a longer "
                "training.",
                epoch=screen.epoch,
                epochs=screen.epochs,
            )
        case Grade.POOR:
            return say("**Thin.** Expect a resemblance at best. What is said below makes the difference.")


def _style_grade(screen: CoachingCard) -> str:
    if screen.grade >= Grade.GOOD:
        return say(
            "**Good.** The style is likely to show by epoch {epoch} of {epochs}.",
            epoch=screen.epoch,
            epochs=screen.epochs,
        )
    return say(
        "**Thin.** With so few pictures it learns what they show rather than how they are drawn. More help most."
    )


def all_well() -> str:
    return say("Nothing stands in the way. Look at the crops next.")


def more_follow(count: int) -> str:
    return many("-# {count} more hint follows.", "-# {count} more hints follow.", count)


def settled() -> str:
    return say("-# The training has begun with these photos.")


def sentence(finding: Finding, kind: str) -> str:
    shown, count = numbers(finding.photos), len(finding.photos)
    match finding.matter:
        case Matter.STRANGERS:
            if not any(act.deed is Deed.DROP for act in finding.acts):
                return say(
                    "No two of these photos seem to show the same person. One face is learnt at a time: is it one person "
                    "all the same, or should other photos come in?"
                )
            if any(act.key == "drop2" for act in finding.acts):
                return say(
                    "Two people are in these photos: {one}, and {other}. Which one is meant?",
                    one=numbers(finding.groups[0]),
                    other=numbers(finding.groups[1]),
                )
            return many(
                "Photo {photos} shows somebody else. Learnt together, two faces become one that is neither.",
                "Photos {photos} show somebody else. Learnt together, two faces become one that is neither.",
                count,
                photos=shown,
            )
        case Matter.COPIES:
            return many(
                "Photo {photos} is a copy, also if mirrored, and was left out: the same twice teaches nothing new.",
                "Photos {photos} are copies, also if mirrored, and were left out: the same twice teaches nothing new.",
                count,
                photos=shown,
            )
        case Matter.TWINS:
            return say("Photos {photos} are the same picture.", photos=together(finding))
        case Matter.BURST:
            return say(
                "Photos {photos} were shot moments apart. One of them says it all; the others make it copy that moment.",
                photos=together(finding),
            )
        case Matter.BLURRED:
            if kind == "person":
                return many(
                    "The face in photo {photos} is blurred. Blur is learnt like anything else.",
                    "The faces in photos {photos} are blurred. Blur is learnt like anything else.",
                    count,
                    photos=shown,
                )
            return many(
                "Photo {photos} is blurred. Blur is learnt like anything else.",
                "Photos {photos} are blurred. Blur is learnt like anything else.",
                count,
                photos=shown,
            )
        case Matter.DARK:
            return many(
                "Photo {photos} is too dark: no light falls on what should be learnt.",
                "Photos {photos} are too dark: no light falls on what should be learnt.",
                count,
                photos=shown,
            )
        case Matter.BRIGHT:
            return many(
                "Photo {photos} is blown out: what is white has no drawing left.",
                "Photos {photos} are blown out: what is white has no drawing left.",
                count,
                photos=shown,
            )
        case Matter.SMALL:
            return many(
                "Photo {photos} shows it small: it has to be enlarged, and what is enlarged is soft. Closer is better.",
                "Photos {photos} show it small: they have to be enlarged, and what is enlarged is soft. Closer is better.",
                count,
                photos=shown,
            )
        case Matter.CROWD:
            return many(
                "In photo {photos} there is more than one face. Check on the sheet that the box is on the right one.",
                "In photos {photos} there is more than one face. Check on the sheet that the boxes are on the right one.",
                count,
                photos=shown,
            )
        case Matter.CUT:
            return many(
                "In photo {photos} the face is cut off by the photo's edge. Half a face is learnt as half a face.",
                "In photos {photos} the face is cut off by the photo's edge. Half a face is learnt as half a face.",
                count,
                photos=shown,
            )
        case Matter.FEW:
            return many(
                "{count} photo is in; 12 to 20 are best. Different places, light and clothes help most.",
                "{count} photos are in; 12 to 20 are best. Different places, light and clothes help most.",
                count,
            )
        case Matter.ANGLE:
            return say("All of them look into the camera. Send two profile shots, or it cannot turn its head.")
        case Matter.PLACE:
            return many(
                "Photo {photos} is from one place. Two or three from elsewhere keep that place out of every picture.",
                "Photos {photos} are from one place. Two or three from elsewhere keep that place out of every picture.",
                count,
                photos=shown,
            )
        case Matter.DAY:
            return say(
                "Nearly all of them were taken on one day. Other clothes and other light help: send some from another."
            )


def early(finding: Finding, kind: str) -> str:
    """While other photos are still to be read."""
    match finding.matter:
        case Matter.ANGLE:
            return say("So far all of them look into the camera: two profile shots would help.")
        case Matter.PLACE:
            return say("So far most are from one place: two or three from elsewhere would help.")
        case _:
            return sentence(finding, kind)


def left_out(count: int, reasons: tuple[str, ...]) -> str:
    told = [
        *reasons,
        *([say("and {count} more like these", count=count - len(reasons))] if count > len(reasons) else []),
    ]
    return say("{count} left out: {photos}.", count=count, photos=", ".join(told))


def judging(subject: str, done: int, given: int) -> str:
    return say("All photos of **{subject}** are open. Cropping and describing them: {done} of {given}.",
               subject=subject, done=done, given=given)  # fmt: skip


def rest_follows() -> str:
    return "-# " + say("What to do about it follows when all are read.")


def label(finding: Finding, act: Act) -> str:
    one = len(act.photos or finding.photos) == 1
    if finding.matter is Matter.STRANGERS and act.deed is Deed.DROP:
        if any(other.key == "drop2" for other in finding.acts):
            kept = finding.groups[0] if act.key == "drop" else finding.groups[1]
            return say("Keep {photos}", photos=numbers(kept, 3))
        return Button.DROP_ONE if one else Button.DROP
    labels = {
        (Matter.STRANGERS, Deed.KEEP): Button.SAME_PERSON,
        (Matter.COPIES, Deed.TAKE): Button.TAKE,
        (Matter.COPIES, Deed.KEEP): Button.FINE,
        (Matter.TWINS, Deed.DROP): Button.DROP_COPIES,
        (Matter.BURST, Deed.DROP): Button.DROP_BURST,
        (Matter.BURST, Deed.KEEP): Button.KEEP_BURST,
        (Matter.TWINS, Deed.KEEP): Button.KEEP_BURST,
        (Matter.CROWD, Deed.KEEP): Button.RIGHT_FACE,
        (Matter.FEW, Deed.KEEP): Button.GO_ON,
        (Matter.ANGLE, Deed.KEEP): Button.GO_ON,
        (Matter.PLACE, Deed.KEEP): Button.GO_ON,
        (Matter.DAY, Deed.KEEP): Button.GO_ON,
    }
    usual = {
        Deed.DROP: Button.DROP_ONE if one else Button.DROP,
        Deed.KEEP: Button.KEEP_ONE if one else Button.KEEP,
        Deed.MORE: Button.MORE,
        Deed.TAKE: Button.TAKE,
    }
    return labels.get((finding.matter, act.deed), usual[act.deed])


def numbers(photos: tuple[int, ...], most: int = SHOWN_NUMBERS) -> str:
    """ "3, 5 and 9" """
    shown = [str(number) for number in photos[:most]]
    if len(photos) > most:
        return say("{list} and {count} more", list=", ".join(shown), count=len(photos) - most)
    if len(shown) < 2:
        return "".join(shown)
    return say("{list} and {last}", list=", ".join(shown[:-1]), last=shown[-1])


def together(finding: Finding) -> str:
    """ "3 and 4; 7, 8 and 9" """
    return "; ".join(numbers(group, 6) for group in finding.groups[:5])
