"""What a look at a group says about a change: still to be made, as wanted already, or changed by somebody else."""

from __future__ import annotations

from enum import Enum

from groups_sdk.access._listing import MemberListing
from groups_sdk.access._outcomes import Action, Change, Outcome, Status
from groups_sdk.access._roles import same_role
from groups_sdk.errors import IncompleteListingError, StalePlanError
from groups_sdk.models import GroupMembership

__all__ = ["State", "membership_of", "outcome_by_look", "state_of"]


class State(Enum):
    """How a member is, beside a change that is to be made."""

    AS_SEEN = "as the change expects them to be before it is made"
    AS_WANTED = "as the change wants them to be"
    OTHER = "neither"
    UNCERTAIN = "not listed, where the listing may have left them out; or listed without saying who they are"


def membership_of(change: Change, listing: MemberListing) -> GroupMembership | None:
    """The membership that a change is about, as the listing shows it; of the same person, where it is another one."""
    same = listing.by_membership.get((change.membership_id or "").lower())
    return same or (listing.people.by_id(change.user.id) if change.user and change.user.id else None)


def state_of(change: Change, listing: MemberListing) -> State:
    now = membership_of(change, listing)
    if now is None:
        if change.action is Action.ADD:
            return State.AS_SEEN  # should they be a member after all, the API answers 409
        if listing.gap is not None:
            return State.UNCERTAIN
        return State.AS_WANTED if change.action is Action.REMOVE else State.OTHER
    if change.action is Action.ADD:
        return State.AS_WANTED if same_role(now.role, change.role) else State.OTHER
    if change.user is not None and change.user.id and not now.user.id:
        return State.UNCERTAIN  # that the membership is this person's, nobody has confirmed
    if now.id.lower() != (change.membership_id or "").lower():
        return State.OTHER  # removed, and added anew
    if change.action is Action.SET_ROLE and same_role(now.role, change.role):
        return State.AS_WANTED
    return State.AS_SEEN if same_role(now.role, change.before) else State.OTHER


def outcome_by_look(change: Change, listing: MemberListing) -> Outcome | None:
    """The outcome of a change that is not to be sent, by what the look shows; None when it is still to be made."""
    match state_of(change, listing):
        case State.AS_SEEN:
            return None
        case State.AS_WANTED:
            return Outcome(change, Status.UNCHANGED, sent=False)
        case State.UNCERTAIN:
            found = "not found in the group" if membership_of(change, listing) is None else "not confirmed"
            error = IncompleteListingError(f"{found}, but {listing.gap}; nothing was sent")
            return Outcome(change, Status.FAILED, error, sent=False)
        case _:
            now = membership_of(change, listing)
            is_now = f"a member with the role {now.role.name or now.role.id}" if now else "not a member"
            stale = StalePlanError(f"changed in the meantime: is now {is_now}; nothing was sent")
            return Outcome(change, Status.CHANGED_SINCE, stale, sent=False)
