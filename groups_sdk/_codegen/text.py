"""Docstrings and annotations of asynchronous classes, as their twins have them."""

from __future__ import annotations

import ast
import re
import textwrap
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy

from groups_sdk._codegen.rules import GenerationError, Kind, Rules, twin_of

__all__ = ["docstring", "renamed"]

LEFTOVER = re.compile(r"\b(async|await|aclose|anext|anyio|asyncio|trio|event loop|(?<!httpx\.)Async\w+)\b")


class _Renaming(ast.NodeTransformer):
    """Gives a signature the names of the twins, and puts types in place of a base's type variables."""

    def __init__(self, kinds: Mapping[str, Kind], types: Mapping[str, ast.expr], used: Counter[str]) -> None:
        self.kinds = kinds
        self.types = types
        self.used = used

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.kinds:
            self.used[node.id] += 1
            return ast.Name(twin_of(node.id))
        _refuse(node.id)
        return self.types.get(node.id, node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if not ast.unparse(node).startswith("httpx."):  # whose types stay as they are
            _refuse(node.attr)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        _refuse(str(node.value))
        return node


def _refuse(text: str) -> None:
    if found := re.search(r"\b(Async\w+|Awaitable|Coroutine)\b", text):
        raise GenerationError(f"no rule for the name {found[0]}")


def renamed(
    node: ast.AST, kinds: Mapping[str, Kind], types: Mapping[str, ast.expr], used: Counter[str]
) -> str:
    """A part of a signature, with the names of the twins."""
    return ast.unparse(_Renaming(kinds, types, used).visit(deepcopy(node)))


def docstring(text: str | None, rules: Rules, used: Counter[str], note: str = "") -> str:
    """The docstring in quotes, with an additional note in front of its example."""
    if text is None:
        raise GenerationError("no docstring")
    for pattern, new in rules.prose:
        text, count = re.subn(pattern, new, text)
        used[pattern] += count
    for name in (name for name, kind in rules.kinds.items() if kind is not Kind.BASE):
        text = re.sub(rf"\b{name}\b", twin_of(name), text)
    if left := LEFTOVER.search(text):
        raise GenerationError(f"{left[0]!r} is left in the docstring")
    if "\\" in text or '"""' in text:
        raise GenerationError("no rule for backslashes and triple quotes in a docstring")
    prose, heading, example = text.partition("Example:\n")
    try:
        compile(textwrap.dedent(example), "<example>", "exec")
    except SyntaxError as error:
        raise GenerationError(f"the example does not compile: {error}") from None
    ending = "\n" if "\n" in text else ""
    return "".join(['"""', prose, note and f"{note}\n\n", heading, example, ending, '"""'])
