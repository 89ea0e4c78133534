"""From the text of asynchronous classes to the text of their synchronous twins.

Signatures and docstrings are kept, bodies are replaced by one forwarding statement for each kind of method. What has
no rule is an error, and so is a rule that nothing used: a mistake shows here rather than in the generated code.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from typing import TypeGuard

from groups_sdk._codegen.forwarding import PORTAL_PARAMETERS, SPECIAL, Method, client_init, forwarding
from groups_sdk._codegen.rules import RULES, GenerationError, Kind, Rules, twin_of
from groups_sdk._codegen.text import docstring, renamed

__all__ = ["generate"]

HEADER = '''"""The synchronous twin of {}.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""
from __future__ import annotations
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from groups_sdk._portal import Portal
from groups_sdk._public import set_module
from groups_sdk._twins import SyncClient, SyncContextManager, SyncFacade, SyncObject
'''
BY_THE_BASE_CLASS = {  # which has their twins, where there are any
    Kind.CLIENT: {"aclose", "__aenter__", "__aexit__", "__del__", "__repr__", "__reduce__"},
    Kind.CONTEXT_MANAGER: {"__init__", "__aenter__", "__aexit__", "__del__"},
    Kind.FACADE: {"__init__"},
    Kind.OBJECT: {"__init__"},
}
RUFF = [
    "--isolated",
    "--target-version=py311",
    "--line-length=110",
    "--config=lint.isort = {known-first-party = ['groups_sdk'], split-on-trailing-comma = false}",
    "--config=format.skip-magic-trailing-comma = true",
    "--stdin-filename=generated.py",
]

Types = Mapping[str, ast.expr]


def generate(sources: Mapping[str, str], rules: Rules = RULES) -> dict[str, str]:
    """The texts of the synchronous modules, by name, for the texts of the asynchronous ones.

    Raises `GenerationError` for anything that the rules do not cover.
    """
    return _Generator(sources, rules).modules()


class _Generator:
    def __init__(self, sources: Mapping[str, str], rules: Rules) -> None:
        self.rules = rules
        self.kinds = rules.kinds
        self.used: Counter[str] = Counter()
        self.trees = {module: ast.parse(source) for module, source in sources.items()}
        self.classes = {
            node.name: (module, node)
            for module, tree in self.trees.items()
            for node in tree.body
            if isinstance(node, ast.ClassDef) and node.name.startswith("Async")
        }

    def modules(self) -> dict[str, str]:
        for name in self.classes:
            if name not in self.kinds:
                raise GenerationError(f"{name}: no rule for this class")
            if self.kinds[name] is not Kind.BASE:
                self.home(name)
        written = {target: self.module(source) for source, target in self.rules.targets.items() if target}
        rules = (*self.kinds, *self.rules.async_only, *(pattern for pattern, _ in self.rules.prose))
        unused = [rule for rule in rules if not self.used[rule]]
        if unused:
            raise GenerationError(f"rules that nothing used: {', '.join(unused)}")
        return {module: _formatted(text) for module, text in written.items()}

    def module(self, source: str) -> str:
        """The text of a module; ruff is to sort its imports, and to leave out what only bodies needed."""
        nodes = [node for module, node in self.classes.values() if module == source]
        nodes = [node for node in nodes if self.kinds[node.name] is not Kind.BASE]
        bases = [base for base, _ in map(self.base, nodes) if base]
        modules = dict.fromkeys([source, *(self.classes[base.name][0] for base in bases)])
        imports = [line for module in modules for line in self.imports(module)]
        imports.sort(key=lambda line: line.startswith(("if TYPE_CHECKING", "    ")))
        public = [twin_of(node.name) for node in nodes]
        home = ".".join(takewhile(lambda part: not part.startswith("_"), source.split(".")[:-1]))
        ending = f'set_module("{home}", globals(), {public!r})'
        return "\n".join([HEADER.format(source), *imports, *map(self.class_, nodes), ending])

    def imports(self, module: str) -> Iterator[str]:
        """What a module imports and defines, with the twins of what it imports."""
        for node in self.trees[module].body:
            match node:
                case ast.ImportFrom(module="__future__"):
                    pass
                case ast.Import() | ast.ImportFrom():
                    yield from self.import_(node)
                case ast.If(test=ast.Name("TYPE_CHECKING")):
                    yield "if TYPE_CHECKING:"
                    yield from (f"    {line}" for item in node.body for line in self.import_(item))
                case ast.ClassDef(name):
                    yield f"from {module} import {name}"
                case ast.Assign() | ast.AnnAssign():
                    for part in ast.walk(node):
                        if (
                            isinstance(part, ast.Name)
                            and isinstance(part.ctx, ast.Store)
                            and part.id[0] != "_"
                        ):
                            yield f"from {module} import {part.id}"
                case _:
                    pass

    def import_(self, node: ast.stmt) -> Iterator[str]:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            raise GenerationError(f"no rule for {ast.unparse(node)!r} among the imports")
        for alias in node.names:
            if alias.name not in self.kinds:
                origin = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
                yield f"{origin}import {ast.unparse(alias)}"
            elif self.kinds[alias.name] is not Kind.BASE:
                yield f"from {self.home(alias.name)} import {twin_of(alias.name)}"

    def home(self, name: str) -> str:
        """The module of a class's twin."""
        if self.kinds[name] is Kind.BY_HAND:
            return "groups_sdk._iteration"
        home = self.rules.targets[self.classes[name][0]] if name in self.classes else None
        if home is None:
            raise GenerationError(f"{name}: no module is written that its twin could be in")
        return home

    def class_(self, node: ast.ClassDef) -> str:
        kind = self.kinds[node.name]
        self.used[node.name] += 1
        variables = "".join(f"[{ast.unparse(base.slice)}]" for base in node.bases if _is_generic(base))
        note = self.rules.client_note if kind is Kind.CLIENT else ""
        heading = f"class {twin_of(node.name)}({kind.value}[{node.name}{variables}]):"
        with _told_where(node.name):
            text = docstring(ast.get_docstring(node), self.rules, self.used, note)
        out = [heading, textwrap.indent(text, "    ")]
        for item, types in self.members(node):
            where = f"{node.name}.{item.name}"
            if where in self.rules.async_only:
                self.used[where] += 1
            elif item.name not in BY_THE_BASE_CLASS[kind] and not _is_private(item.name):
                with _told_where(where):
                    out.append(textwrap.indent(self.method(item, node.name, types), "    "))
        return "\n\n".join(out)

    def base(self, node: ast.ClassDef) -> tuple[ast.ClassDef | None, Types]:
        """The base class whose methods the twin is to have, and the types for its type variables."""
        match _plain(node).bases:
            case []:
                return None, {}
            case [base] if _is_generic(base):
                return None, {}
            case [ast.Subscript(ast.Name(name), types)] if self.kinds.get(name) is Kind.BASE:
                self.used[name] += 1
                above = self.classes[name][1]
                match _plain(above).bases:
                    case [base] if _is_generic(base):
                        variables = map(ast.unparse, _elements(base.slice))
                        return above, dict(zip(variables, _elements(types), strict=True))
                    case _:
                        raise GenerationError(f"{name}: no rule for its base classes")
            case _:
                raise GenerationError(f"{node.name}: no rule for its base classes")

    def members(self, node: ast.ClassDef) -> Iterator[tuple[Method, Types]]:
        """The methods of a class, after those of its base that it does not have itself."""
        base, types = self.base(node)
        own = {item.name for item in node.body if isinstance(item, Method)}
        inherited = (
            [(item, types) for item in base.body if getattr(item, "name", "") not in own] if base else []
        )
        for item, its_types in [*inherited, *((item, {}) for item in node.body)]:
            if isinstance(item, Method):
                yield item, its_types
            elif not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)):  # a docstring
                raise GenerationError(f"{node.name}: no rule for {ast.unparse(item)!r}")

    def method(self, node: Method, owner: str, types: Types) -> str:
        if node.returns is None:
            raise GenerationError("no annotation of what it returns")
        arguments = renamed(node.args, self.kinds, types, self.used)
        returns = renamed(node.returns, self.kinds, types, self.used)
        lines = [f"@{ast.unparse(decorator)}" for decorator in node.decorator_list]
        if node.name == "__init__":  # of a client
            body = [client_init(node, owner)]
            arguments = f"{arguments}, {PORTAL_PARAMETERS}"
        else:
            given = self.given(node.returns)
            body = [forwarding(node, self.kinds[owner], returns, self.kinds[given] if given else None)]
            if given and self.kinds[given] is Kind.FACADE:  # imported on first use, as the property does
                body.insert(0, f"from {self.home(given)} import {returns}")
            if node.name not in SPECIAL:
                body.insert(0, docstring(ast.get_docstring(node), self.rules, self.used))
        lines.append(f"def {SPECIAL.get(node.name, node.name)}({arguments}) -> {returns}:")
        return "\n".join([*lines, textwrap.indent("\n".join(body), "    ")])

    def given(self, returns: ast.expr) -> str | None:
        """The asynchronous class whose twin a method gives, if any."""
        named = [
            part.id for part in ast.walk(returns) if isinstance(part, ast.Name) and part.id in self.kinds
        ]
        outer = returns.value if isinstance(returns, ast.Subscript) else returns
        if named and not (isinstance(outer, ast.Name) and named == [outer.id]):
            raise GenerationError(f"no rule for a method that returns {ast.unparse(returns)}")
        return named[0] if named else None


@contextmanager
def _told_where(where: str) -> Generator[None, None, None]:
    try:
        yield
    except GenerationError as error:
        raise GenerationError(f"{where}: {error}") from None


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _plain(node: ast.ClassDef) -> ast.ClassDef:
    if node.keywords or node.decorator_list:
        raise GenerationError(f"{node.name}: no rule for decorators and keywords of classes")
    return node


def _is_generic(base: ast.expr) -> TypeGuard[ast.Subscript]:
    return isinstance(base, ast.Subscript) and ast.unparse(base.value) == "Generic"


def _elements(slice_: ast.expr) -> list[ast.expr]:
    return slice_.elts if isinstance(slice_, ast.Tuple) else [slice_]


def _formatted(text: str) -> str:
    """With its imports sorted; an undefined name is an error."""
    fixed = _ruff(text, "check", "--select=I,F401", "--fix-only", "-q")
    _ruff(fixed, "check", "--select=F", "-q")
    return _ruff(fixed, "format", "-q")


def _ruff(text: str, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, *RUFF, "-"],
        input=text,
        text=True,
        encoding="utf-8",
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise GenerationError(f"ruff failed: {done.stdout.strip()} {done.stderr.strip()}")
    return done.stdout
