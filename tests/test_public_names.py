"""The public names: how they are imported, and what the classes say of where they come from."""

from __future__ import annotations

import inspect
import pickle
import pydoc
import re
import subprocess
import sys
import traceback
import typing
from collections.abc import Iterator
from datetime import UTC, datetime

import attrs
import cattrs
import pytest

import groups_sdk
import groups_sdk.access
import groups_sdk.cli
import groups_sdk.errors
import groups_sdk.models
import groups_sdk.testing
from groups_sdk import GroupMembership, NotFoundError, Region


def public_classes() -> Iterator[tuple[str, type]]:
    """Each public class, and the module that users import it from."""
    seen: set[type] = set()
    for module in (groups_sdk.access, groups_sdk.testing, groups_sdk):
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, type) and value not in seen:
                seen.add(value)
                yield module.__name__, value


CLASSES = [pytest.param(module, cls, id=f"{module}.{cls.__name__}") for module, cls in public_classes()]
ATTRS_CLASSES = [param for param in CLASSES if attrs.has(typing.cast("type", param.values[1]))]


@pytest.mark.parametrize(("module", "cls"), CLASSES)
def test_a_public_class_says_where_it_is_imported_from_and_pickles(module: str, cls: type) -> None:
    assert (cls.__module__, cls.__qualname__) == (module, cls.__name__)
    assert pickle.loads(pickle.dumps(cls)) is cls


@pytest.mark.parametrize(("module", "cls"), ATTRS_CLASSES)
def test_the_types_of_a_public_attrs_class_can_be_looked_up(module: str, cls: type) -> None:
    fields = {field.name: field.type for field in attrs.fields(attrs.resolve_types(cls))}
    assert not [name for name, type_ in fields.items() if isinstance(type_, str)]
    assert fields.items() <= typing.get_type_hints(cls).items()


def test_the_types_can_be_looked_up_where_nothing_else_was_imported() -> None:
    code = (
        "from typing import get_type_hints; from groups_sdk import Group, RetryPolicy; from datetime import datetime\n"
        "assert get_type_hints(Group)['created_at'] == datetime | None\n"
        "assert get_type_hints(RetryPolicy)['max_attempts'] is int\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_converters_of_others_can_structure_the_models() -> None:
    converter = cattrs.Converter()
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    document = {"id": "m", "created_at": "2026-01-02T00:00:00+00:00"}
    document |= {part: {"id": part, "name": None} for part in ("user", "role", "group")}  # type: ignore[misc]
    membership = converter.structure(document, GroupMembership)
    assert membership.created_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert membership.role == groups_sdk.Role("role")


def test_a_traceback_says_where_to_import_the_error_from() -> None:
    error = NotFoundError(status_code=404)
    text = "".join(traceback.format_exception_only(error))
    assert text == "groups_sdk.NotFoundError: 404: no explanation in the answer\n"
    assert repr(NotFoundError) == "<class 'groups_sdk.NotFoundError'>"


def test_pickles_with_the_modules_of_earlier_versions_load() -> None:
    for module, name in (("groups_sdk.errors", "NotFoundError"), ("groups_sdk.models", "Group")):
        assert pickle.loads(f"c{module}\n{name}\n.".encode()) is getattr(groups_sdk, name)


def test_a_pickle_loads_in_a_process_that_has_imported_nothing_yet() -> None:
    things = (NotFoundError(status_code=404, path="/x"), Region.EU_01, groups_sdk.Role("r"))
    code = (
        "import pickle, sys; error, region, role = pickle.load(sys.stdin.buffer)\n"
        "assert (type(error).__name__, error.path, region.value, role.id) == ('NotFoundError', '/x', 'SNYK-EU-01', 'r')"
    )
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(things), check=True)


def help_of(module: str) -> list[str]:
    """The lines of `help(module)`."""
    return pydoc.render_doc(module, renderer=pydoc.plaintext).splitlines()


@pytest.mark.parametrize(
    "module", ["groups_sdk", "groups_sdk.access", "groups_sdk.testing", "groups_sdk.models", "groups_sdk.cli"]
)
def test_the_first_screen_of_help_is_the_overview(module: str) -> None:
    overview = inspect.cleandoc(sys.modules[module].__doc__ or "").splitlines()
    screen = [line.strip() for line in help_of(module)[:24]]
    assert screen[3] == f"{module} - {overview[0]}"
    assert not [line for line in overview[1:] if line.strip() not in screen]


def test_the_overview_names_what_is_there() -> None:
    names = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", groups_sdk.__doc__ or ""))
    assert len(names) > 10
    assert names <= {*groups_sdk.__all__, *groups_sdk.testing.__all__}
    assert set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", groups_sdk.access.__doc__ or "")) <= {
        *groups_sdk.__all__,
        *groups_sdk.access.__all__,
    }


def test_help_of_errors_is_the_tree_of_all_of_them() -> None:
    tree = "\n".join(help_of("groups_sdk.errors")[:40])
    assert set(re.findall(r"\w+Error\b", tree)) >= set(groups_sdk.errors.__all__) - {"ErrorObject"}
    assert "maybe_applied" in tree


def test_help_of_testing_shows_the_fake() -> None:
    text = "\n".join(help_of("groups_sdk.testing"))
    assert inspect.cleandoc(groups_sdk.testing.FakeSnyk.__doc__ or "").splitlines()[0] in text
    assert "fail_next(" in text


@pytest.mark.parametrize("client", [groups_sdk.AsyncGroupsClient, groups_sdk.GroupsClient])
def test_what_a_listing_can_be_sorted_by_is_in_the_signature(client: type) -> None:
    types = typing.get_type_hints(client.list_memberships)  # type: ignore[attr-defined] # both have it
    assert types["sort_by"] == groups_sdk.SortBy | None
    assert "login_method" in typing.get_args(groups_sdk.SortBy)
    assert types["sort_order"] == typing.Literal["ASC", "DESC"] | None


@pytest.mark.parametrize("module", [groups_sdk, groups_sdk.access, groups_sdk.testing])
def test_an_unknown_name_is_an_attribute_error(module: typing.Any) -> None:
    for name in ("Nothing", "_nothing", "__path_hooks__"):
        with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute '{name}'"):
            getattr(module, name)
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec(f"from {module.__name__} import Nothing", {})


@pytest.mark.parametrize("module", ["groups_sdk", "groups_sdk.access", "groups_sdk.testing"])
def test_a_star_import_gives_the_public_names_and_so_does_dir(module: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"from {module} import *", namespace)
    del namespace["__builtins__"]
    loaded = sys.modules[module]
    assert sorted(namespace) == sorted(loaded.__all__)
    assert set(loaded.__all__) <= set(dir(loaded))
