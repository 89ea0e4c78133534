"""From the text of the asynchronous client to the text of the synchronous one.

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

CLASSES = {"AsyncGroupsClient": "GroupsClient"}
RENAMES = {"AsyncPaginator": "Paginator"}
HAND_WRITTEN = {"aclose", "detached"}  # SyncClient has what takes their place
RUNTIME_IMPORTS = """
from groups_sdk.client import AsyncGroupsClient
from groups_sdk.portal import SyncClient
"""
PROSE = [
    (r"\basync (?=with|for)", ""),
    (r"\bawait ", ""),
    (r"\baclose\b", "close"),
    (r"\bAsync(?=GroupsClient|Paginator)", ""),
    (r", asynchronously, on asyncio or trio\.", ", for synchronous code: each call waits for its answer."),
    (r"between tasks of one event loop", "between threads"),
]
LEFTOVER = re.compile(r"\b(async|await|aclose|anext|anyio|asyncio|trio|event loop|(?<!httpx\.)Async\w+)\b")
HEADER = '"""The synchronous client. Written by groups_sdk/_codegen from client.py: edit that, then generate anew."""'

RUFF = ["--isolated", "--target-version=py311", "--line-length=110", "--stdin-filename=sync_client.py"]

Method = ast.AsyncFunctionDef | ast.FunctionDef


class GenerationError(Exception):
    """The source has something in it that no rule is for."""


class _Generator:
    def __init__(self) -> None:
        self.used: Counter[str] = Counter()

    def module(self, source: str) -> str:
        out = [HEADER, "from __future__ import annotations", RUNTIME_IMPORTS]
        for node in ast.parse(source).body:
            match node:
                case ast.ImportFrom(module="__future__"):
                    pass
                case ast.Import() | ast.ImportFrom() | ast.If(test=ast.Name(id="TYPE_CHECKING")):
                    out.append(self.annotation(node))
                case ast.ClassDef(name=name) if name in CLASSES:
                    out.append(self.class_(node))
                case ast.ClassDef(name=name) if not name.startswith("_"):
                    raise GenerationError(f"{name}: no rule for this class")
                case _:
                    pass
        unused = [name for name in (*RENAMES, *(p for p, _ in PROSE), *HAND_WRITTEN) if not self.used[name]]
        if unused:
            raise GenerationError(f"rules that nothing used: {', '.join(unused)}")
        return _ruff("\n\n".join(out) + "\n")

    def class_(self, node: ast.ClassDef) -> str:
        name = CLASSES[node.name]
        out = [f"class {name}(SyncClient[{node.name}]):", self.docstring(node, node.name)]
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                out.append(self.init(item, node.name))
            elif isinstance(item, Method) and item.name in HAND_WRITTEN:
                self.used[item.name] += 1
            elif isinstance(item, Method) and not item.name.startswith("_"):
                out.append(self.method(item, f"{node.name}.{item.name}"))
        return "\n\n".join(out)

    def init(self, node: ast.FunctionDef, async_name: str) -> str:
        passed = _forward(node.args)
        if passed[0] != "token":
            raise GenerationError(f"{async_name}.__init__: the first parameter is not the token")
        body = (
            "given = [token]\n"
            "del token  # so that a traceback with locals does not show it\n"
            f"super().__init__({async_name}({', '.join(['given.pop()', *passed[1:]])}))"
        )
        return self.assemble(node, None, body)

    def method(self, node: Method, where: str) -> str:
        returns = ast.unparse(node.returns) if node.returns else ""
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        passed, is_async = _forward(node.args), isinstance(node, ast.AsyncFunctionDef)
        given = ", ".join(passed)
        target = ", ".join([f"self._async.{node.name}", *passed])
        if decorators == ["property"] and not is_async:
            body = f"return self._async.{node.name}"
        elif decorators:
            raise GenerationError(f"{where}: no rule for decorators: {', '.join(decorators)}")
        elif is_async and returns.startswith(("AsyncIterator", "AsyncGenerator")):
            raise GenerationError(f"{where}: a public asynchronous generator; return a paginator")
        elif is_async:
            body = f"{'' if returns == 'None' else 'return '}self._portal.call({target})"
        elif returns.startswith("AsyncPaginator["):
            body = f"return Paginator(self._portal.call, self._async.{node.name}({given}))"
        elif returns == "Self":
            body = f"return self._copy(lambda client: client.{node.name}({given}))"
        else:
            raise GenerationError(f"{where}: no rule for a method that returns {returns or 'nothing'}")
        return self.assemble(node, self.docstring(node, where), body)

    def assemble(self, node: Method, docstring: str | None, body: str) -> str:
        lines = [f"@{ast.unparse(decorator)}" for decorator in node.decorator_list]
        arguments = self.annotation(node.args)
        returns = f" -> {self.annotation(node.returns)}" if node.returns else ""
        lines.append(f"def {node.name}({arguments}){returns}:")
        if docstring:
            lines.append(docstring)
        lines.append(textwrap.indent(body, "    "))
        return textwrap.indent("\n".join(lines), "    ")

    def annotation(self, node: ast.AST) -> str:
        text = ast.unparse(node)
        for old, new in RENAMES.items():
            text, count = re.subn(rf"\b{old}\b", new, text)
            self.used[old] += count
        return text

    def docstring(self, node: Method | ast.ClassDef, where: str) -> str:
        text = ast.get_docstring(node)
        if text is None:
            raise GenerationError(f"{where}: no docstring")
        for pattern, new in PROSE:
            text, count = re.subn(pattern, new, text)
            self.used[pattern] += count
        left = LEFTOVER.search(text)
        if left:
            raise GenerationError(f"{where}: {left[0]!r} is left in the docstring")
        _, _, example = text.partition("Example:\n")
        try:
            compile(textwrap.dedent(example), f"<example of {where}>", "exec")
        except SyntaxError as error:
            raise GenerationError(f"{where}: the example does not compile: {error}") from None
        if "\\" in text or '"""' in text:
            raise GenerationError(f"{where}: backslashes and triple quotes in docstrings are not supported")
        ending = "\n" if "\n" in text else ""
        return textwrap.indent(f'"""{text}{ending}"""', "    ")


def _forward(args: ast.arguments) -> list[str]:
    """The arguments that pass every parameter on."""
    if args.vararg or args.kwarg:
        raise GenerationError("no rule for *args and **kwargs")
    positional = [a.arg for a in (*args.posonlyargs, *args.args)][1:]
    return positional + [f"{a.arg}={a.arg}" for a in args.kwonlyargs]


def _ruff(text: str) -> str:
    for command in (["check", "--select=I,F401,UP", "--fix-only", "-q"], ["format", "-q"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *RUFF, "-"],
            input=text,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise GenerationError(f"ruff failed: {done.stderr.strip()}")
        text = done.stdout
    return text


def generate(source: str) -> str:
    """The text of the synchronous client for that of the asynchronous one. Raises `GenerationError`."""
    return _Generator().module(source)
