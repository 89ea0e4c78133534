"""The house keeps its order: imports point down, and one module only knows the HTTP library."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import groups_sdk

ROOT = Path(groups_sdk.__file__).parent
FLOORS = [
    ["_version", "_public", "_terminal", "_operations", "_misuse", "_writes", "_event_loop"],
    ["_iteration", "_background"],
    ["errors"],
    ["_pydantic"],
    ["_serialization"],
    ["models", "_responses"],
    ["_deprecations", "_sources", "_hooks", "_loop_thread"],
    ["_pages", "_arguments", "_tokens", "_base_urls"],
    ["_page_cursor"],
    ["_prefetching"],
    ["_pagination"],
    ["_jsonapi", "_snyk_cli", "_portal", "access"],
    ["_credentials"],
    ["_settings"],
    ["_http", "_twins"],
    ["_client"],
    ["_sync"],
    ["testing"],
    ["cli"],
    ["__main__"],
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ASIDE = {"__init__", "_codegen"}  # the names for everybody, and the generator, which is no part of the wheel


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it; what is for type checkers only does not count."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        todo.extend(ast.iter_child_nodes(node))
    return found


FILES = [path for path in sorted(ROOT.rglob("*.py")) if room_of(path) not in ASIDE]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_point_down(path: Path) -> None:
    room = room_of(path)
    for module in imports(path):
        parts = module.split(".")
        if parts[0] == "groups_sdk" and len(parts) > 1 and parts[1] in FLOOR_OF and parts[1] != room:
            assert FLOOR_OF[parts[1]] < FLOOR_OF[room], f"{room} imports {parts[1]}"


def test_one_module_imports_the_http_library() -> None:
    importers = {
        str(path.relative_to(ROOT))
        for path in FILES
        for module in imports(path)
        if module.partition(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2", "h11")
    }
    assert importers == {
        str(Path("_http", "library.py")),
        str(Path("testing", "_fake.py")),  # only to lend its transport
    }


def test_every_room_has_its_floor() -> None:
    assert {room_of(path) for path in FILES} == set(FLOOR_OF)


def test_these_modules_are_public_and_no_others() -> None:
    modules = [path.relative_to(ROOT).with_suffix("").parts for path in ROOT.rglob("*.py")]
    public = {".".join(parts) for parts in modules if not any(part.startswith("_") for part in parts)}
    packages = {".".join(parts[:-1]) for parts in modules if parts[-1] == "__init__"}
    public |= {name for name in packages if not re.search(r"(^|\.)_", name)}
    assert public - {""} == {"access", "cli", "errors", "models", "testing"}  # "" is groups_sdk itself


def test_the_version_is_that_of_the_distribution() -> None:
    assert groups_sdk.__version__ == version("groups-sdk")


def test_the_pytest_plugin_is_announced() -> None:
    (plugin,) = entry_points(group="pytest11", name="groups_sdk")
    assert plugin.value == "groups_sdk.testing._pytest_plugin"


def test_importing_the_package_imports_no_dependency() -> None:
    code = (
        "import sys, groups_sdk; assert not {'httpx', 'attr', 'attrs', 'cattrs', 'anyio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
