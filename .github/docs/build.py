"""Build the reference of all public names, with the guides, into a folder: `nox -s docs`.

pdoc makes a page of each public module. The Markdown pages become pages of modules that exist only here, so that
`help()` of the real ones stays short. A link or a name that leads nowhere is an error, and nothing is built.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pdoc.doc
import pdoc.doc_pyi
import pdoc.render
from checks import broken_links, broken_pages, public_names, unknown_names
from sources import MODULES, docstring_for_reference, page_for_reference, pages


def build(folder: Path) -> list[str]:
    """Write all pages into the folder, and return what is broken."""
    problems = [*broken_links(), *unknown_names()]
    if problems:
        return problems
    # Public classes name the module to import them from, which is not the one whose source has their fields.
    warnings.filterwarnings("ignore", "Cannot determine where|Error parsing")
    # The stub of `groups_sdk` says nothing but where each name is defined.
    pdoc.doc_pyi.find_stub_file = lambda _: None  # type: ignore[assignment] # no setting says so
    pdoc.render.configure(docformat="markdown", show_source=False, search=True)
    modules = {name: reference(name) for name in MODULES} | {
        name: guide(name, page_for_reference(path)) for path, name in pages().items()
    }
    shutil.rmtree(folder, ignore_errors=True)
    for name, module in modules.items():
        write(folder / f"{name.replace('.', '/')}.html", pdoc.render.html_module(module, modules))
    write(folder / "index.html", pdoc.render.html_index(modules))
    write(folder / "search.js", pdoc.render.search_index(modules))
    return [*broken_pages(folder)]


def reference(name: str) -> pdoc.doc.Module:
    """A public module, with all its names: those that are imported at their first use are imported now."""
    module = importlib.import_module(name)
    for public in module.__all__:
        setattr(module, public, getattr(module, public))
    documented = pdoc.doc.Module(module)
    documented.__dict__["submodules"] = []  # the public ones are listed anyway, the others are private
    todo: list[pdoc.doc.Doc[Any]] = [documented]
    while todo:
        part = todo.pop()
        part.__dict__["docstring"] = docstring_for_reference(part.docstring)
        if isinstance(part, pdoc.doc.Class):
            adopt_private_bases(part)
        if isinstance(part, pdoc.doc.Namespace):
            todo.extend(part.members.values())
    return documented


def adopt_private_bases(cls: pdoc.doc.Class) -> None:
    """Show what a class inherits from a private one as its own: there is no other page to find it on."""
    inherited = dict(cls.inherited_members)
    private = [
        origin
        for origin in inherited
        if origin[0].partition(".")[0] == "groups_sdk" and origin[1] not in public_names()
    ]
    cls.__dict__["own_members"] = [
        *cls.own_members,
        *(member for origin in private for member in inherited.pop(origin)),
    ]
    cls.__dict__["inherited_members"] = inherited


def guide(name: str, text: str) -> pdoc.doc.Module:
    """A module with nothing but a docstring: the page."""
    module = types.ModuleType(name, text)
    module.__all__ = []  # type: ignore[attr-defined]
    return pdoc.doc.Module(module)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    (target,) = map(Path, sys.argv[1:])
    found = build(target)
    for problem in found:
        print(problem)
    print(f"{len(found)} problems" if found else f"built {target / 'index.html'}")
    sys.exit(bool(found))
