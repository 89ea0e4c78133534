"""The generated classes, as users see them."""

from __future__ import annotations

import inspect
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from groups_sdk._codegen.rules import RULES, Kind, twin_of

PAIRS = [
    (getattr(import_module(source), name), getattr(import_module(target), twin_of(name)))
    for source, target in RULES.targets.items()
    if target is not None
    for name, kind in RULES.kinds.items()
    if kind not in (Kind.BASE, Kind.BY_HAND)
    if f"class {name}" in inspect.getsource(import_module(source))
]
SPECIAL = {"__aiter__": "__iter__", "__aenter__": "__enter__", "__aexit__": "__exit__", "aclose": "close"}
each_pair = pytest.mark.parametrize(("source", "twin"), PAIRS, ids=lambda cls: cls.__name__)


def public(cls: type) -> dict[str, Any]:
    """The public methods and properties of a class, and those of its special methods that have twins."""
    members = inspect.getmembers(
        cls, lambda member: inspect.isfunction(member) or isinstance(member, property)
    )
    special = {*SPECIAL, *SPECIAL.values()}
    return {name: member for name, member in members if not name.startswith("_") or name in special}


def parameters(method: Any) -> list[tuple[str, Any, Any]]:
    found = inspect.signature(method).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in found]


def test_every_listed_class_has_its_twin() -> None:
    kinds = [kind for kind in RULES.kinds.values() if kind not in (Kind.BASE, Kind.BY_HAND)]
    assert len(PAIRS) == len(kinds) == 8


@each_pair
def test_the_public_methods_of_both_have_the_same_names(source: type, twin: type) -> None:
    ours = {name for name in public(source) if f"{source.__name__}.{name}" not in RULES.async_only}
    assert {SPECIAL.get(name, name) for name in ours} == set(public(twin))


@each_pair
def test_the_methods_of_both_have_the_same_parameters(source: type, twin: type) -> None:
    for name, member in public(twin).items():
        if inspect.isfunction(member) and not name.startswith("_") and name != "close":
            assert parameters(member) == parameters(public(source)[name])


@each_pair
def test_every_twin_and_each_of_its_public_methods_has_a_docstring(source: type, twin: type) -> None:
    assert twin.__doc__
    for name, member in public(twin).items():
        assert member.__doc__ or name.startswith("__"), name


class Source:
    """Stands in for an asynchronous object: what it was asked for, and what it gave."""

    def __init__(self) -> None:
        self.asked: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
        self.given = SimpleNamespace(next_batch=object())

    def __getattr__(self, name: str) -> Any:
        def method(*args: Any, **kwargs: Any) -> Any:
            self.asked[name] = args, kwargs
            return self.given

        return method


@each_pair
def test_every_method_passes_each_argument_on_and_gives_what_it_gets(source: type, twin: type) -> None:
    kind = RULES.kinds[source.__name__]
    if kind is Kind.CLIENT:
        return  # tests/test_client.py has both clients do the same
    stand_in = Source()
    portal = SimpleNamespace(call=lambda func, *args, **kwargs: func(*args, **kwargs))
    instance = twin(portal, (lambda: stand_in) if kind is Kind.FACADE else stand_in)
    for name, member in public(twin).items():
        if name.startswith("__"):
            continue
        if isinstance(member, property):
            assert getattr(instance, name)() is stand_in.given
            continue
        arguments = {parameter: object() for parameter in [*inspect.signature(member).parameters][1:]}
        given = getattr(instance, name)(**arguments)
        given = getattr(given, "_async", given)  # which a twin has been made for
        assert given is stand_in.given or given._next_batch is stand_in.given.next_batch
        args, kwargs = stand_in.asked[name]
        passed = inspect.signature(getattr(source, name)).bind(stand_in, *args, **kwargs).arguments
        passed.pop("self")
        assert passed == arguments
