"""Hooks of the program: plain functions, which no call loses its outcome to.

They are not awaited: a hook is called in the midst of a request, which would have to wait for it, and on the event loop
of the client, where a hook that made calls of its own could wait for itself.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any

from groups_sdk.errors import GroupsError

__all__ = ["call_hook", "check_hook"]

logger: logging.Logger = logging.getLogger("groups_sdk")


def check_hook(name: str, hook: object, error: type[GroupsError]) -> None:
    """Raise an error of that class when it cannot be called, or is an async function. None is no hook."""
    if hook is None:
        return
    if not callable(hook):
        raise error(f"{name} must be a function, or None; got {type(hook).__name__}")
    if _is_async(hook):
        raise error(
            f"{name} must be a plain function: it is not awaited. In place of an async function give one that hands "
            "over what it is told, such as queue.put_nowait"
        )


def _unwrapped(hook: object) -> object:
    while isinstance(hook, functools.partial):
        hook = hook.func
    return hook


def _name(hook: Any) -> str:
    """The hook's name. Its `repr` would show the arguments of a partial, or whatever object it is a method of."""
    function = _unwrapped(hook)
    named: Any = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _is_async(hook: object) -> bool:
    hook = _unwrapped(hook)
    return any(
        inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        for function in (hook, type(hook).__call__)
    )


def call_hook(hook: Callable[[Any], object] | None, argument: object) -> None:
    """Tell the observer. What it raises is logged: it must not hide the outcome of a call."""
    if hook is not None:
        try:
            result = hook(argument)
            if inspect.iscoroutine(result):
                result.close()
                raise TypeError("it returned a coroutine: hooks must be plain functions, and are not awaited")
        except Exception:
            logger.exception("the hook %s failed", _name(hook))
