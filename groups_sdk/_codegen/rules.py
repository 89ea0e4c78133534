"""What is generated from what. Every rule here has to be of use: one that nothing needs is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

__all__ = ["RULES", "GenerationError", "Kind", "Rules", "twin_of"]


class GenerationError(Exception):
    """The source has something in it that no rule is for."""


def twin_of(name: str) -> str:
    """The name of the twin of an asynchronous class."""
    return name.removeprefix("Async")


class Kind(Enum):
    """What kind of class the twin is; the value is its base class in `groups_sdk._twins`."""

    CLIENT = "SyncClient"  # it has a portal of its own
    FACADE = "SyncFacade"  # a property of the client gives it
    OBJECT = "SyncObject"  # a method gives it
    CONTEXT_MANAGER = "SyncContextManager"  # the same, for a with block
    BASE = "(none: the twins of its subclasses have its methods)"
    BY_HAND = "(none: it is written by hand, in groups_sdk._iteration)"


@dataclass(frozen=True)
class Rules:
    targets: Mapping[str, str | None]
    """The generated module for each module that is read. None: it only has a base class."""
    kinds: Mapping[str, Kind]
    """Every asynchronous class."""
    async_only: tuple[str, ...]
    """Public methods that synchronous code has no use for, as `Class.method`."""
    prose: tuple[tuple[str, str], ...]
    """Patterns in docstrings, in order, and what takes their place."""
    client_note: str
    """What the docstring of a client says in addition, in front of its example."""


RULES = Rules(
    targets={
        "groups_sdk._client": "groups_sdk._sync.client",
        "groups_sdk._pagination": "groups_sdk._sync.pagination",
        "groups_sdk.access._facade": "groups_sdk._sync.access",
        "groups_sdk.access._batches": None,
        "groups_sdk.access._changes": "groups_sdk._sync.changes",
        "groups_sdk.access._accounts.deletions": "groups_sdk._sync.deletions",
        "groups_sdk.access._offboarding.offboarding": "groups_sdk._sync.offboarding",
        "groups_sdk.access._review.stream": "groups_sdk._sync.review",
    },
    kinds={
        "AsyncGroupsClient": Kind.CLIENT,
        "AsyncAccess": Kind.FACADE,
        "AsyncPaginator": Kind.OBJECT,
        "AsyncReadAhead": Kind.CONTEXT_MANAGER,
        "AsyncBatches": Kind.BASE,
        "AsyncChanges": Kind.CONTEXT_MANAGER,
        "AsyncDeletions": Kind.CONTEXT_MANAGER,
        "AsyncOffboarding": Kind.CONTEXT_MANAGER,
        "AsyncReviewStream": Kind.OBJECT,
        "AsyncBatchIterator": Kind.BY_HAND,
    },
    async_only=(
        "AsyncGroupsClient.detached",  # threads and forked processes share a synchronous client
        "AsyncPaginator.mapped",  # it takes an async function
    ),
    prose=(
        (r"\basync (?=with|for)", ""),
        (r"\bawait ", ""),
        (r"\baclose\b", "close"),
        (
            r", asynchronously, on asyncio or trio\.",
            ", for synchronous code: each call waits for its answer.",
        ),
        (r"When its event loop has ended, (?:[^\n]+\n)+\n", ""),
        (r"between tasks of one event loop", "between threads"),
        (r"cancelled or interrupted", "interrupted"),
    ),
    client_note=(
        "The calls run on an event loop in a thread of its own, which starts with the first call and is shared by all\n"
        'clients. `backend` ("asyncio" or "trio") and `backend_options` (those of `anyio.run`) choose it. A forked\n'
        "process goes on with connections of its own, unless a `transport` or `http_client` was handed in. Ctrl-C\n"
        "cancels the call that it interrupts. Hooks run in that thread too, not in yours, and cannot make calls."
    ),
)
