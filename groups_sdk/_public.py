"""The public names: imported when they are first used, and of the module that users import them from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import cache
from importlib import import_module
from typing import Any, cast

__all__ = ["lazy_names", "set_module"]


def lazy_names(
    namespace: MutableMapping[str, Any],
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package, whose `globals()` are given.

    The stub beside the package, `__init__.pyi`, lists its public names and the module of each. That module is imported
    when the name is first used.
    """
    package = namespace["__name__"]

    @cache
    def homes() -> dict[str, str]:
        import ast
        from pathlib import Path

        stub = ast.parse(Path(namespace["__file__"]).with_suffix(".pyi").read_text(encoding="utf-8"))
        imports = [node for node in stub.body if isinstance(node, ast.ImportFrom) and node.module]
        return {alias.name: node.module or "" for node in imports for alias in node.names}

    def get(name: str) -> Any:
        if name == "__all__":
            return names()
        home = None if name.startswith("_") else homes().get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        namespace[name] = value
        return value

    def names() -> list[str]:
        return sorted(homes())

    return get, names


def set_module(module: str, namespace: Mapping[str, object], names: Iterable[str]) -> None:
    """Set `__module__` of the classes of that name, for tracebacks, `repr` and pickles.

    Called at the end of the module that defines them: `set_module("groups_sdk", globals(), ["Group"])`. That module
    must not have `from __future__ import annotations` when attrs classes are among them: `typing.get_type_hints`
    looks for the names in annotations that are strings in `__module__`, where they are not.
    """
    for name in names:
        cast("type", namespace[name]).__module__ = module
