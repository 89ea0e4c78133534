"""Lets public classes say where a user imports them from, not in which private module they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["set_module"]


def set_module(module: str, namespace: Mapping[str, object], names: Iterable[str]) -> None:
    """Set `__module__` of the classes of that name, for tracebacks, `repr` and pickles.

    Called at the end of the module that defines them: `set_module("groups_sdk", globals(), __all__)`. That module
    must not have `from __future__ import annotations` when attrs classes are among them: `typing.get_type_hints`
    looks for the names in annotations that are strings in `__module__`, where they are not.
    """
    for name in names:
        value = namespace[name]
        if isinstance(value, type):
            value.__module__ = module
