"""The items of a listing, with progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from groups_sdk.cli import _progress as progress
from groups_sdk.models import GroupMembership

if TYPE_CHECKING:
    from groups_sdk._sync.pagination import Paginator

__all__ = ["collect"]

T = TypeVar("T")


def collect(listing: Paginator[T], advance: progress.Advance, limit: int | None = None) -> list[T]:
    """The items of all pages, or the first `limit`; no page is fetched that is not needed."""
    found: list[T] = []
    for page in listing.pages():
        found += page.items
        total = next((m.group_membership_count for m in page.items if isinstance(m, GroupMembership)), None)
        advance(len(found), total)
        if limit is not None and len(found) >= limit:
            break
    return found[:limit]
