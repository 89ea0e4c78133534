"""Resources to models, strictly: no value is turned into one of another type.

Each model has one table: member, path in the resource, kind of value, required or not. A cattrs hook is compiled from
it on first use, the way attrs and cattrs make their own methods: straight-line code for a whole list, which expects
nothing but what is right. Only when that fails does a slow walk over the same table say what is wrong, and where.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from datetime import UTC, datetime
from types import GenericAlias
from typing import Any, Final, NamedTuple, TypeVar

from cattrs import Converter

from groups_sdk.models import Group, GroupMembership, Org, OrgMembership, Role, SsoConnection, SsoUser, User

__all__ = ["Malformed", "kind_of", "structure"]

T = TypeVar("T")


class Malformed(Exception):
    """Something in a resource is not what it must be."""

    def __init__(self, path: str, problem: str) -> None:
        self.path: str = path
        self.problem: str = problem


class _Member(NamedTuple):
    name: str
    path: tuple[str, ...]
    kind: str | _Table
    required: bool


class _Table(NamedTuple):
    model: type[Any]
    members: tuple[_Member, ...]
    shared: bool


def _table(model: type[Any], *, shared: bool = False, **members: tuple[str, str | _Table]) -> _Table:
    """A path that ends in * is required. What is `shared` is made once a list: few values for many members."""
    rows = (
        _Member(name, tuple(path.rstrip("*").split(".")), kind, path.endswith("*"))
        for name, (path, kind) in members.items()
    )
    return _Table(model, tuple(rows), shared)


def _named(model: type[Any], *, shared: bool = True) -> _Table:
    return _table(model, shared=shared, id=("id*", "text"), name=("attributes.name*", "text"))


_USER: Final = _table(
    User,
    id=("id*", "text"),
    name=("attributes.name*", "text"),
    username=("attributes.username*", "text"),
    email=("attributes.email*", "text"),
    login_method=("attributes.login_method", "text"),
)
_TABLES: Final = {
    table.model: table
    for table in (
        _table(
            Group,
            id=("id*", "text"),
            name=("attributes.name*", "text"),
            created_at=("attributes.created_at", "time"),
            updated_at=("attributes.updated_at", "time"),
            slug=("attributes.slug", "text"),
            avatar_url=("attributes.avatar_url", "text"),
            logo_url=("attributes.logo_url", "text"),
            tenant_id=("relationships.tenant.data.id", "text"),
        ),
        _table(
            GroupMembership,
            id=("id*", "text"),
            created_at=("attributes.created_at*", "time"),
            user=("relationships.user.data", _USER),
            role=("relationships.role.data", _named(Role)),
            group=("relationships.group.data", _named(Group)),
            group_membership_count=("meta.group_membership_count", "count"),
        ),
        _table(
            OrgMembership,
            id=("id*", "text"),
            created_at=("attributes.created_at", "time"),
            user=("relationships.user.data", _USER),
            role=("relationships.role.data", _named(Role)),
            org=("relationships.org.data", _named(Org)),
        ),
        _named(SsoConnection, shared=False),
        _table(
            SsoUser,
            id=("id*", "text"),
            name=("attributes.name", "text"),
            username=("attributes.username", "text"),
            email=("attributes.email", "text"),
            active=("attributes.active", "flag"),
            membership_created_at=("attributes.membership.created_at", "time"),
            membership_strategy=("attributes.membership.strategy", "text"),
        ),
    )
}
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)?", re.ASCII)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("a string")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError("true or false")
    return value


def _count(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise TypeError("a whole number")


def _time(value: Any) -> datetime:
    if type(value) is not str:
        raise TypeError("a date and time")
    try:
        if not _DATE_TIME.fullmatch(value):
            raise ValueError
        moment = datetime.fromisoformat(value.upper())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("it is no date and time such as 2024-05-29T09:50:54Z") from None


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "text": _text,
    "flag": _flag,
    "count": _count,
    "time": _time,
}
# What the compiled hooks do in place of a call, for the usual forms.
_INLINE: Final = {
    "text": "if {0}.__class__ is not str: raise TypeError",
    "flag": "if {0}.__class__ is not bool: raise TypeError",
    "count": "if {0}.__class__ is not int: {0} = read_count({0})",
    # Every third character from the fifth on: the form that the API sends, up to digits, which fromisoformat checks.
    "time": "{0} = fromisoformat({0}) if {0}[4:20:3] == '--T::.' and {0}[23:] == 'Z' else read_time({0})",
}


def structure(resources: list[Any], model: type[T], path: str) -> list[T]:
    """The resources as models, in place: a resource is let go as soon as its model is made.

    Raises `Malformed`; `path` is where a resource stands in the document, with {} for its index.
    """
    hook: Callable[[list[Any], Any], list[T]] = _converter.get_structure_hook(GenericAlias(list, (model,)))
    try:
        return hook(resources, model)
    except (TypeError, KeyError, AttributeError, ValueError):
        for index, resource in enumerate(resources):
            if type(resource) is not model:
                resources[index] = _walk(_TABLES[model], resource, path.format(index))
        return resources


def _walk(table: _Table, resource: Any, path: str) -> Any:
    """The resource as a model. Raises `Malformed` for the first thing that the table does not allow."""
    values: list[Any] = []
    for member in table.members:
        here, value = path, resource
        for key in member.path:
            if type(value) is not dict:
                raise Malformed(here, f"an object is wanted, and {kind_of(value)} is there")
            here, value = f"{here}.{key}", value.get(key)
            if value is None:
                break
        if value is not None:
            values.append(_read(member.kind, value, here))
        elif member.required:
            raise Malformed(".".join((path, *member.path)), "it is missing, or null")
        else:
            values.append(member.kind.model("") if isinstance(member.kind, _Table) else None)
    return table.model(*values)


def _read(kind: str | _Table, value: Any, path: str) -> Any:
    if isinstance(kind, _Table):
        return _walk(kind, value, path)
    try:
        return _READERS[kind](value)
    except TypeError as error:
        raise Malformed(path, f"{error} is wanted, and {kind_of(value)} is there") from None
    except ValueError as error:
        raise Malformed(path, str(error)) from None


def kind_of(value: Any) -> str:
    """The kind of a JSON value, for a sentence. Never the value itself: it may be about a person."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _compile(type_: Any) -> Callable[[Any, Any], Any]:
    """The hook for a list of models, written as source and compiled."""
    table = _LISTS[type_]
    scope: dict[str, Any] = {"NOTHING": {}, "fromisoformat": datetime.fromisoformat}
    scope |= {f"read_{kind}": reader for kind, reader in _READERS.items()}
    stores: list[str] = []
    body = _source(table, "item", scope, stores)
    lines = [
        "def structure(resources, _):",
        *(f"    {store} = {{}}" for store in stores),
        "    for index, item in enumerate(resources):",
    ]
    lines += [*_indented(_indented(body)), "        resources[index] = item", "    return resources", ""]
    source, filename = "\n".join(lines), f"<structure {table.model.__name__}>"
    linecache.cache[filename] = (
        len(source),
        None,
        source.splitlines(keepends=True),
        filename,
    )  # for tracebacks
    exec(compile(source, filename, "exec"), scope)  # noqa: S102 - made of the tables above alone
    hook: Callable[[Any, Any], Any] = scope["structure"]
    return hook


def _source(table: _Table, item: str, scope: dict[str, Any], stores: list[str]) -> list[str]:
    """The lines that replace the resource in the variable `item` by its model.

    What they need by name is added to `scope`, the dictionaries of what is shared to `stores`.
    """
    reads: list[str] = []
    checks: list[str] = []
    containers: dict[tuple[str, ...], str] = {(): item}
    for member in table.members:
        *outer, key = member.path
        for depth in range(1, len(member.path)):
            inner = member.path[:depth]
            if inner not in containers:
                containers[inner] = "_".join((item, *inner))
                required = any(other.required and other.path[:depth] == inner for other in table.members)
                reads += _get(containers[inner], containers[inner[:-1]], inner[-1], required)
                if not required:
                    reads.append(f"if {containers[inner]} is None: {containers[inner]} = NOTHING")
        value = f"{item}_{member.name}"
        reads += _get(value, containers[tuple(outer)], key, member.required)
        if isinstance(member.kind, _Table):
            scope[f"no_{value}"] = member.kind.model("")
            checks += [f"if {value} is None: {value} = no_{value}", "else:"]
            checks += _indented(_source(member.kind, value, scope, stores))
        elif member.required:
            checks.append(_INLINE[member.kind].format(value))
        else:
            checks += [f"if {value} is not None:", f"    {_INLINE[member.kind].format(value)}"]
    names = [member.name for member in table.members]
    scope[f"{item}_model"] = table.model
    if table.shared:
        stores.append(f"{item}_store")
        differs = " or ".join(f"{item}.{name} != {item}_{name}" for name in names if name != "id")
        make = f"{item}_store[{item}_id] = {item}_model({', '.join(f'{item}_{name}' for name in names)})"
        reads += [f"{item} = {item}_store.get({item}_id)", f"if {item} is None or {differs}:"]
        return reads + _indented([*checks, f"{item} = {make}"])
    scope[f"{item}_draft"] = _draft(table.model)
    fills = [f"{item}.{name} = {item}_{name}" for name in names]
    return [*reads, *checks, f"{item} = {item}_draft()", *fills, f"{item}.__class__ = {item}_model"]


def _get(variable: str, container: str, key: str, required: bool) -> list[str]:
    return [f"{variable} = {container}[{key!r}]" if required else f"{variable} = {container}.get({key!r})"]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _draft(model: type[Any]) -> type[Any]:
    """The model as long as it can be written to: made empty, filled by plain assignment, then given its real class.

    That is three times as fast as the `__init__` of a frozen class, which goes through `object.__setattr__`. It takes
    both methods that write: with one of the two in Python, the interpreter leaves its fast path.
    """
    methods = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(model.__name__, (model,), {"__slots__": (), **methods})


_LISTS: Final = {GenericAlias(list, (model,)): table for model, table in _TABLES.items()}
_converter: Final = Converter()
_converter.register_structure_hook_factory(lambda type_: type_ in _LISTS, _compile)
