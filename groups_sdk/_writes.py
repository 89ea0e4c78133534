"""Whether a write may have been sent in the course of a call: for whoever must say so of one that did not end."""

from __future__ import annotations

from contextvars import Context, ContextVar

__all__ = ["SentWrites", "note", "watch"]


class SentWrites:
    """Whether there was any."""

    any: bool = False


_watched: ContextVar[SentWrites | None] = ContextVar("groups_sdk writes", default=None)


def watch(context: Context) -> SentWrites:
    """What is noted in this context, and in those of the tasks that are started in it."""
    watched = SentWrites()
    context.run(_watched.set, watched)
    return watched


def note() -> None:
    """A write is about to be sent."""
    watched = _watched.get()
    if watched is not None:
        watched.any = True
