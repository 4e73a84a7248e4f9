"""What the audit tells of: one verb for each thing that was decided, made or given away."""

from __future__ import annotations

from enum import StrEnum


class Act(StrEnum):
    ASKED = "asked"
    """A member was asked whether their photos may be learnt."""
    ALLOWED = "allowed"
    ATTESTED = "attested"
    """The one who brought the photos answers for the word of who is in them."""
    REFUSED = "refused"
    REVOKED = "revoked"
    TRAINED = "trained"
    PUBLISHED = "published"
    SHARED = "shared"
    RENAMED = "renamed"
    PAINTED = "painted"
    EXPORTED = "exported"
    DELETED = "deleted"
    FORGOT = "forgot"
    REPORTED = "reported"
    KEPT = "kept"
    REMOVED = "removed"
    RULED = "ruled"
    """The server's own rules were changed."""
