"""What the generated synchronous classes stand on: each forwards to an asynchronous object, through a portal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from typing import Any, Generic, NoReturn, Self, TypeVar

from groups_sdk._misuse import refuse
from groups_sdk._portal import AsyncClient, Portal

__all__ = ["SyncClient", "SyncContextManager", "SyncFacade", "SyncObject"]

T = TypeVar("T")
Client = TypeVar("Client", bound=AsyncClient)
Manager = TypeVar("Manager", bound=AbstractAsyncContextManager[Any])


class SyncClient(Generic[Client]):
    """What generated clients share: the portal, `close`, the `with` statement, and copies with other options."""

    def __init__(self, portal: Portal[Client], derive: Callable[[Client], Client] = lambda own: own) -> None:
        self._portal = portal
        self._derive = derive
        self._derived = portal.target, derive(portal.target)

    @property
    def _async(self) -> Client:
        target = self._portal.target
        if self._derived[0] is not target:  # which is another one in a forked child
            self._derived = target, self._derive(target)
        return self._derived[1]

    def _copy(self, derive: Callable[[Client], Client]) -> Self:
        """A client on the same portal whose asynchronous client is derived from this one's."""
        mine = self._derive
        copy = type(self).__new__(type(self))
        SyncClient.__init__(copy, self._portal, lambda target: derive(mine(target)))
        return copy

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._async).removeprefix("Async") if hasattr(self, "_portal") else object.__repr__(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client can be neither pickled nor copied: make one in each process")

    def close(self) -> None:
        """Close the connections. Calls of other threads that are still waiting fail; closing twice does nothing more.

        Raises `RuntimeError` in a hook, which runs on the event loop and cannot wait for it.
        """
        if self._async is self._portal.target:  # not in a copy, which shares the connections
            self._portal.close()


class SyncObject(Generic[T]):
    """The twin of an object that a method of the asynchronous client returned."""

    def __init__(self, portal: Portal[Any], source: T) -> None:
        self._portal = portal
        self._async = source


class SyncContextManager(SyncObject[Manager]):
    """The twin of an object for `async with`."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._portal.hold(self._async))
            self._held = stack.pop_all()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._held.__exit__(*exc_info)


class SyncFacade(Generic[T]):
    """The twin of what a property of the asynchronous client gives."""

    def __init__(self, portal: Portal[Any], get: Callable[[], T]) -> None:
        self._portal = portal
        self._get = get

    @property
    def _async(self) -> T:
        return self._get()  # each time anew: in a forked child it belongs to another client


refuse(
    SyncClient,
    "GroupsClient is used with `with`; for `async with` there is AsyncGroupsClient",
    *("__aenter__", "__aexit__"),
)
refuse(
    SyncObject,
    "this comes from GroupsClient: use `for` and `with`; `async for` and `async with` are for AsyncGroupsClient",
    *("__aiter__", "__aenter__", "__aexit__"),
)
