"""What is broken in the documentation: links, anchors, and names that do not exist."""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from sources import MODULES, ROOT, anchors, code_spans, links, pages

# What the pages call an instance of a class.
_INSTANCES = {
    "access": "groups_sdk.access.Access",
    "changes": "groups_sdk.access.Changes",
    "client": "groups_sdk.GroupsClient",
    "credentials": "groups_sdk.Credentials",
    "fake": "groups_sdk.testing.FakeSnyk",
    "fake_snyk": "groups_sdk.testing.FakeSnyk",
    "member": "groups_sdk.access.ReviewedMember",
    "membership": "groups_sdk.GroupMembership",
    "outcome": "groups_sdk.access.Outcome",
    "page": "groups_sdk.Page",
    "plan": "groups_sdk.access.Plan",
    "progress": "groups_sdk.access.Progress",
    "report": "groups_sdk.access.OffboardingReport",
    "response": "groups_sdk.ApiResponse",
    "review": "groups_sdk.access.Review",
    "wait": "groups_sdk.Wait",
}
# Names of others that stand alone in a text.
_OTHERS = {"BlockingPortal", "NamedTuple", "MagicMock"}


def broken_links() -> Iterator[str]:
    """The links of the Markdown pages that lead to no file, or to no heading."""
    for page in pages():
        yield from broken_links_of(page)


def broken_links_of(page: Path) -> Iterator[str]:
    for target, anchor in links(page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve() if target else page
        if not path.exists():
            yield f"{_shown(page)}: {target} does not exist"
        elif anchor and (path.suffix != ".md" or anchor not in anchors(path.read_text(encoding="utf-8"))):
            yield f"{_shown(page)}: {target}#{anchor} has no such heading"


def unknown_names() -> Iterator[str]:
    """What the pages and the public docstrings name as this package's, and is not there.

    The changelog and CONTRIBUTING are left out: they speak of what was, and of what is private.
    """
    for page in pages():
        if page.name not in {"CHANGELOG.md", "CONTRIBUTING.md"}:
            yield from (
                f"{_shown(page)}: `{name}`" for name in unknown_names_of(page.read_text(encoding="utf-8"))
            )
    for where, docstring in docstrings():
        yield from (f"{where}: `{name}`" for name in unknown_names_of(docstring))


def unknown_names_of(text: str) -> Iterator[str]:
    for span in code_spans(text):
        name = span.partition("(")[0]
        if re.fullmatch(r"\w+(\.\w+)*", name) and not _exists(name, called="(" in span):
            yield span


def docstrings() -> Iterator[tuple[str, str]]:
    """The docstrings of the public modules, classes, functions and methods."""
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        yield module_name, inspect.getdoc(module) or ""
        for name in module.__all__:
            value = getattr(module, name)
            if not (isinstance(value, type) or inspect.isfunction(value)):
                continue
            yield f"{module_name}.{name}", inspect.getdoc(value) or ""
            for member, method in vars(value).items() if isinstance(value, type) else ():
                if not member.startswith("_") and inspect.isroutine(method):
                    yield f"{module_name}.{name}.{member}", inspect.getdoc(method) or ""


def broken_pages(folder: Path) -> Iterator[str]:
    """The links of the built pages that lead to no page, or to no place in it."""
    built = {path.resolve(): _Page(path) for path in folder.rglob("*.html")}
    for path, page in built.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            other = built.get((path.parent / target).resolve() if target else path)
            if other is None:
                yield f"{path.relative_to(folder.resolve())}: {link} is no page"
            elif anchor and anchor not in other.ids:
                yield f"{path.relative_to(folder.resolve())}: {link} is no place in that page"


def _exists(name: str, *, called: bool) -> bool:
    first, _, rest = name.partition(".")
    if rest and _is_written(name):
        return True
    if first == "groups_sdk":
        return _reached(name)
    if first in _INSTANCES and rest:
        module, _, cls = _INSTANCES[first].rpartition(".")
        twins = [f"{module}.{cls}", f"{module}.Async{cls}"]
        return any(_has(_resolve(twin), rest.partition(".")[0]) for twin in twins if _reached(twin))
    if first == "error" and rest:
        errors = [cls for cls in _classes() if issubclass(cls, BaseException)]
        return any(_has(error, rest.partition(".")[0]) for error in errors)
    public = public_names()
    if first in public and rest:
        return _has(public[first], rest.partition(".")[0])
    if rest:
        return True  # of another library, or of the reader's own program
    if re.fullmatch(r"([A-Z][a-z0-9]+){2,}", first):
        return first in public or hasattr(builtins, first) or first in _OTHERS
    if called:
        return first in public or hasattr(builtins, first) or any(_has(cls, first) for cls in _classes())
    return True


def _is_written(name: str) -> bool:
    """Whether it is no name of Python's but a text that the package writes, such as the format of a file."""
    return f'"{name}"' in _source()


@functools.cache
def _source() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in (ROOT / "groups_sdk").rglob("*.py"))


def _reached(name: str) -> bool:
    try:
        _resolve(name)
    except (ImportError, AttributeError):
        return False
    return True


def _resolve(name: str) -> object:
    parts = name.split(".")
    value: object = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], 2):
        try:
            value = getattr(value, part)
        except AttributeError:
            value = importlib.import_module(".".join(parts[:number]))
    return value


@functools.cache
def public_names() -> dict[str, object]:
    found: dict[str, object] = {}
    for module_name in reversed(MODULES):
        module = importlib.import_module(module_name)
        found |= {name: getattr(module, name) for name in module.__all__}
    return found


@functools.cache
def _classes() -> list[type]:
    return [value for value in public_names().values() if isinstance(value, type)]


def _has(owner: object, name: str) -> bool:
    """Whether it has the attribute, or its instances get it from an annotation or in `__init__`."""
    if hasattr(owner, name) or not isinstance(owner, type):
        return hasattr(owner, name)
    if any(name in vars(cls).get("__annotations__", ()) for cls in owner.__mro__):
        return True
    if issubclass(owner, BaseException):
        code = getattr(owner.__init__, "__code__", None)
        return name == "__notes__" or (code is not None and name in code.co_names)
    return False


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


class _Page(HTMLParser):
    """The links of a page, and what can be linked to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name == "href" and value and tag == "a":
                self.links.append(value)
