"""From the text of the asynchronous classes to the text of their synchronous twins.

Signatures and docstrings are kept, bodies are replaced by one forwarding statement for each kind of method. What has
no rule is an error, and so is a rule that nothing used: a mistake shows here rather than in the generated code.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

HEADER = '''"""The synchronous twin of {}.

Written by groups_sdk/_codegen: edit that module, then generate anew.
"""'''
RUNTIME = """
from __future__ import annotations
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from groups_sdk._portal import SyncClient, SyncPart
"""
RUFF = [
    "--isolated",
    "--target-version=py311",
    "--line-length=110",
    "--config=lint.isort.known-first-party = ['groups_sdk']",
    "--stdin-filename=client.py",
]
LEFTOVER = re.compile(r"\b(async|await|aclose|anext|anyio|asyncio|trio|event loop|(?<!httpx\.)Async\w+)\b")
HAND_WRITTEN = {
    "aclose",
    "detached",
    "__aenter__",
    "__aexit__",
    "__del__",
    "__repr__",
}  # their twins: _portal.py
HANDED_IN = ("transport", "http_client")  # whose connections a forked child must not use

Method = ast.AsyncFunctionDef | ast.FunctionDef


class GenerationError(Exception):
    """The source has something in it that no rule is for."""


@dataclass(frozen=True)
class Rules:
    """What is written from what. Every rule has to be of use."""

    clients: Mapping[str, str]
    """Classes with a portal of their own."""
    parts: Mapping[str, str]
    """Classes that a property of another one leads to."""
    paginators: Mapping[str, str]
    """Hand-written twins of what methods return: `Twin(portal, asynchronous object)`."""
    prose: tuple[tuple[str, str], ...]
    """Patterns in docstrings, in order, and what takes their place."""
    client_note: str
    """What the docstring of a client says in addition, in front of its example."""

    @property
    def names(self) -> Mapping[str, str]:
        return {**self.clients, **self.parts, **self.paginators}


RULES = Rules(
    clients={"AsyncGroupsClient": "GroupsClient"},
    parts={"AsyncAccess": "Access"},
    paginators={
        "AsyncPaginator": "Paginator",
        "AsyncReviewStream": "ReviewStream",
        "AsyncChanges": "Changes",
        "AsyncOffboarding": "Offboarding",
    },
    prose=(
        (r"\basync (?=with|for)", ""),
        (r"\bawait ", ""),
        (r"\baclose\b", "close"),
        (r"\bAsync(?=GroupsClient|Paginator)", ""),
        (
            r", asynchronously, on asyncio or trio\.",
            ", for synchronous code: each call waits for its answer.",
        ),
        (r"between tasks of one event loop", "between threads"),
    ),
    client_note=(
        "The calls run on an event loop in a thread of its own, which starts with the first call and is shared by all\n"
        'clients. `backend` ("asyncio" or "trio") and `backend_options` (those of `anyio.run`) choose it. A forked\n'
        "process goes on with connections of its own, unless a `transport` or `http_client` was handed in. Ctrl-C\n"
        "cancels the call that it interrupts."
    ),
)


class _Generator:
    def __init__(self, sources: Mapping[str, str], homes: Mapping[str, str], rules: Rules) -> None:
        self.rules = rules
        self.used: Counter[str] = Counter()
        self.trees = {module: ast.parse(source) for module, source in sources.items()}
        self.homes = homes
        self.written_in = {  # the module of each class that is written here
            node.name: homes[module]
            for module, tree in self.trees.items()
            for node in tree.body
            if isinstance(node, ast.ClassDef)
        }

    def modules(self) -> dict[str, str]:
        written = {self.homes[module]: self.module(module) for module in self.trees}
        patterns = [pattern for pattern, _ in self.rules.prose]
        unused = [rule for rule in (*self.rules.names, *patterns) if not self.used[rule]]
        if unused:
            raise GenerationError(f"rules that nothing used: {', '.join(unused)}")
        return {module: _ruff(text) for module, text in written.items()}

    def module(self, module: str) -> str:
        imports: list[str] = []
        for_types: list[str] = []
        classes: list[str] = []
        for node in self.trees[module].body:
            match node:
                case ast.ImportFrom(module="__future__"):
                    pass
                case ast.Import() | ast.ImportFrom():
                    imports.append(self.import_(node, for_types))
                case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                    for_types.extend([self.import_(item, for_types) for item in node.body])
                case ast.ClassDef(name=name) if name in self.rules.clients or name in self.rules.parts:
                    imports.append(f"from {module} import {name}")
                    classes.append(self.class_(node))
                case ast.ClassDef(name=name) if name.startswith("Async"):
                    raise GenerationError(f"{name}: no rule for this class")
                case _:
                    pass
        guarded = ["if TYPE_CHECKING:", *(f"    {line}" for line in for_types)] if any(for_types) else []
        return "\n".join([HEADER.format(module), RUNTIME, *imports, *guarded, *classes])

    def import_(self, node: ast.stmt, for_types: list[str]) -> str:
        """The import with the names of the twins. Those that are written here are imported where they are used."""
        if not isinstance(node, ast.Import | ast.ImportFrom):
            raise GenerationError(f"no rule for {ast.unparse(node)!r} among the imports")
        kept = []
        for alias in node.names:
            if alias.name in self.written_in and alias.name in self.rules.names:
                for_types.append(f"from {self.written_in[alias.name]} import {self.rules.names[alias.name]}")
            else:
                kept.append(alias)
        node.names = kept
        return self.renamed(node) if kept else ""

    def class_(self, node: ast.ClassDef) -> str:
        client = node.name in self.rules.clients
        name = self.rules.names[node.name]
        self.used[node.name] += 1
        if node.bases or node.keywords or node.decorator_list:
            raise GenerationError(f"{node.name}: no rule for base classes and decorators")
        base = "SyncClient" if client else "SyncPart"
        note = self.rules.client_note if client else ""
        out = [f"class {name}({base}[{node.name}]):", self.docstring(node, node.name, note)]
        for item in node.body[1:]:
            if not isinstance(item, Method):
                raise GenerationError(f"{node.name}: no rule for {ast.unparse(item)!r}")
            if item.name == "__init__":
                out.extend(self.init(item, node.name) if client else ())
            elif item.name not in HAND_WRITTEN and (
                not item.name.startswith("_") or item.name.startswith("__")
            ):
                out.append(self.method(item, f"{node.name}.{item.name}"))
        return "\n\n".join(out)

    def init(self, node: Method, async_name: str) -> Iterator[str]:
        where = f"{async_name}.__init__"
        passed = _forward(node.args, where)
        if passed[0] != "token":
            raise GenerationError(f"{where}: the first parameter is not the token")
        missing = [name for name in HANDED_IN if f"{name}={name}" not in passed]
        if missing:
            raise GenerationError(f"{where}: no parameter {' and no '.join(missing)}")
        for name, annotation, default in (
            ("backend", "str", "'asyncio'"),
            ("backend_options", "Mapping[str, Any] | None", "None"),
        ):
            node.args.kwonlyargs.append(ast.arg(name, ast.parse(annotation, mode="eval").body))
            node.args.kw_defaults.append(ast.parse(default, mode="eval").body)
        forkable = " and ".join(f"{name} is None" for name in HANDED_IN)
        body = (
            "given = [token]\n"
            "del token  # so that a traceback with locals does not show it\n"
            f"super().__init__({async_name}({', '.join(['given.pop()', *passed[1:]])}), "
            f"backend=backend, backend_options=backend_options, forkable={forkable})"
        )
        yield self.assemble(node, None, body)

    def method(self, node: Method, where: str) -> str:
        """One forwarding statement, by the kind of the method."""
        returns = ast.unparse(node.returns) if node.returns else ""
        twin = self.rules.names.get(returns.partition("[")[0], "")
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        passed = _forward(node.args, where)
        called = f"self._async.{node.name}({', '.join(passed)})"
        if node.name.startswith("__"):
            raise GenerationError(f"{where}: no rule for this special method")
        if isinstance(node, ast.AsyncFunctionDef):
            if decorators:
                raise GenerationError(f"{where}: no rule for decorators: {', '.join(decorators)}")
            if any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node)):
                raise GenerationError(f"{where}: a public asynchronous generator; return a paginator")
            if re.search(rf"\b({'|'.join(self.rules.names)})\b", returns):
                raise GenerationError(f"{where}: no rule for an async method that returns {returns}")
            call = f"self._portal.call({', '.join([f'self._async.{node.name}', *passed])})"
            body = call if returns == "None" else f"return {call}"
        elif decorators == ["property"] and returns in self.rules.parts:
            home = self.written_in[returns]
            body = f"from {home} import {twin}\nreturn {twin}(self._portal, lambda: self._async.{node.name})"
        elif decorators == ["property"]:
            body = f"return self._async.{node.name}"
        elif decorators:
            raise GenerationError(f"{where}: no rule for decorators: {', '.join(decorators)}")
        elif twin in self.rules.paginators.values():
            body = f"return {twin}(self._portal, {called})"
        elif returns == "Self":
            body = f"return self._copy(lambda client: client.{node.name}({', '.join(passed)}))"
        else:
            raise GenerationError(f"{where}: no rule for a method that returns {returns or 'nothing'}")
        return self.assemble(node, self.docstring(node, where), body)

    def assemble(self, node: Method, docstring: str | None, body: str) -> str:
        lines = [f"@{ast.unparse(decorator)}" for decorator in node.decorator_list]
        returns = f" -> {self.renamed(node.returns)}" if node.returns else ""
        lines.append(f"def {node.name}({self.renamed(node.args)}){returns}:")
        if docstring:
            lines.append(docstring)
        lines.append(textwrap.indent(body, "    "))
        return textwrap.indent("\n".join(lines), "    ")

    def renamed(self, node: ast.AST) -> str:
        """An import, or a part of a signature, as text with the names of the twins."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id.startswith("Async") and part.id not in self.rules.names:
                raise GenerationError(f"line {part.lineno}: no rule for the name {part.id}")
        text = ast.unparse(node)
        for old, new in self.rules.names.items():
            text, count = re.subn(rf"\b{old}\b", new, text)
            self.used[old] += count
        return text

    def docstring(self, node: Method | ast.ClassDef, where: str, note: str = "") -> str:
        text = ast.get_docstring(node)
        if text is None:
            raise GenerationError(f"{where}: no docstring")
        for pattern, new in self.rules.prose:
            text, count = re.subn(pattern, new, text)
            self.used[pattern] += count
        left = LEFTOVER.search(text)
        if left:
            raise GenerationError(f"{where}: {left[0]!r} is left in the docstring")
        if "\\" in text or '"""' in text:
            raise GenerationError(f"{where}: no rule for backslashes and triple quotes in a docstring")
        prose, heading, example = text.partition("Example:\n")
        try:
            compile(textwrap.dedent(example), f"<example of {where}>", "exec")
        except SyntaxError as error:
            raise GenerationError(f"{where}: the example does not compile: {error}") from None
        text = "".join([prose, note and f"{note}\n\n", heading, example])
        ending = "\n" if "\n" in text else ""
        return textwrap.indent(f'"""{text}{ending}"""', "    ")


def _forward(args: ast.arguments, where: str) -> list[str]:
    """The arguments that pass every parameter on."""
    if args.vararg or args.kwarg:
        raise GenerationError(f"{where}: no rule for *args and **kwargs")
    positional = [a.arg for a in (*args.posonlyargs, *args.args)][1:]
    return positional + [f"{a.arg}={a.arg}" for a in args.kwonlyargs]


def _ruff(text: str) -> str:
    """Sorted and formatted; an undefined name is an error."""
    fixed = _run_ruff(text, "check", "--select=I,F401,UP", "--fix-only", "-q")
    _run_ruff(fixed, "check", "--select=F", "-q")
    return _run_ruff(fixed, "format", "-q")


def _run_ruff(text: str, *command: str) -> str:
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


def generate(sources: Mapping[str, str], homes: Mapping[str, str], rules: Rules = RULES) -> dict[str, str]:
    """The texts of the synchronous modules, by name, for those of the asynchronous ones; `homes` has their names.

    Raises `GenerationError` for anything that the rules do not cover.
    """
    return _Generator(sources, homes, rules).modules()
