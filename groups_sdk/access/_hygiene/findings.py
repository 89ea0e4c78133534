"""What hygiene looks for, what it has found, and what it could not find out."""

from enum import StrEnum

import attrs

from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk._terminal import printable
from groups_sdk.access._people import described
from groups_sdk.models import GroupMembership

__all__ = ["HygieneCheck", "HygieneFinding", "HygieneUnknown"]


class HygieneCheck(StrEnum):
    """What hygiene looks for. A policy calls the checks by these names.

    - `NOT_ON_SSO`: members whose login method is known and is not single sign-on.
    - `SSO_DEACTIVATED`: members whose SSO user is deactivated.
    - `IN_NO_ORG`: members who are in no organization below the group.
    - `SHARED_ADDRESS`: several accounts under one email address.
    - `SOLE_ROLE`: roles that one member alone has. They are reported only.
    """

    NOT_ON_SSO = "not_on_sso"
    SSO_DEACTIVATED = "sso_deactivated"
    IN_NO_ORG = "in_no_org"
    SHARED_ADDRESS = "shared_address"
    SOLE_ROLE = "sole_role"


@attrs.frozen
class HygieneFinding(Serializable):
    """Something that was found, about one member or, for a shared address, several.

    `evidence` says what the API shows, and `not_known` what is in doubt about it. A finding with `hint` is one that
    the evidence does not prove, such as a deactivated SSO user who only goes by the same name as the member. No plan
    is ever made of a hint.
    """

    check: HygieneCheck
    people: tuple[GroupMembership, ...]
    evidence: str
    hint: bool = False
    not_known: tuple[str, ...] = ()

    def __str__(self) -> str:
        doubts = f" (not known: {'; '.join(self.not_known)})" if self.not_known else ""
        hint = "hint: " if self.hint else ""
        return printable(f"{hint}{', '.join(map(described, self.people))}: {self.evidence}{doubts}")


@attrs.frozen
class HygieneUnknown(Serializable):
    """What a check could not find out, and why. `members` is how many it is not known for; None where that is open.

    `failed` is True where something could not be read, and False where the API has left it out.
    """

    check: HygieneCheck
    reason: str
    members: int | None = None
    failed: bool = False

    def __str__(self) -> str:
        if self.members is None:
            return printable(self.reason)
        return printable(f"{self.reason}: {self.members:,} member{'' if self.members == 1 else 's'}")


set_module("groups_sdk.access", globals(), ["HygieneCheck", "HygieneFinding", "HygieneUnknown"])
