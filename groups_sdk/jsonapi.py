"""Wire documents to models and back. The only room that says data, attributes and relationships.

Each model has one table: member, path in the resource, kind of value, required or not. A cattrs structure hook is
compiled from it on first use, the way attrs and cattrs make their own methods: straight-line code that expects
nothing but what is right. Only when that fails does a slow walk over the same table find out what is wrong, and where.
"""

from __future__ import annotations

import json
import linecache
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any, Final, TypeVar, cast
from urllib.parse import unquote

import attrs
from cattrs import Converter

from groups_sdk.errors import DecodeError, ErrorObject
from groups_sdk.models import Group, GroupMembership, Org, OrgMembership, Role, SsoConnection, SsoUser, User
from groups_sdk.pagination import Page
from groups_sdk.responses import ApiResponse

__all__ = ["decode_errors", "decode_one", "decode_page", "membership_creation", "role_change"]

T = TypeVar("T")


def _plain_loads(content: bytes) -> Any:
    """The standard library's reading, as strict as orjson's: NaN and Infinity are not JSON."""
    return json.loads(content, parse_constant=_not_a_number)


def _not_a_number(name: str) -> None:
    raise ValueError(name)


_loads: Callable[[bytes], Any]
try:
    import orjson
except ImportError:  # without the extra "speed"
    _loads = _plain_loads
else:
    _loads = orjson.loads

_DETAIL_KEPT: Final = 500
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)?", re.ASCII)


class _Malformed(Exception):
    """Something in a resource is not what it must be."""

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = path, problem


@attrs.frozen
class _Member:
    """Where a member of a model comes from."""

    name: str
    path: tuple[str, ...]
    kind: str
    required: bool = False


def _table(**members: tuple[str, str]) -> tuple[_Member, ...]:
    return tuple(
        _Member(name, tuple(path.rstrip("*").split(".")), kind, path.endswith("*"))
        for name, (path, kind) in members.items()
    )


_RELATED: Final = {"user": User, "role": Role, "group": Group, "org": Org}
_SHARED: Final = {"role", "group", "org"}  # a handful of values for a page of a hundred members
_MEMBERSHIP: Final = {
    "user": ("relationships.user.data", "user"),
    "role": ("relationships.role.data", "role"),
}
_TABLES: Final[dict[type[Any], tuple[_Member, ...]]] = {
    Group: _table(
        id=("id*", "text"),
        name=("attributes.name*", "text"),
        created_at=("attributes.created_at", "time"),
        updated_at=("attributes.updated_at", "time"),
        slug=("attributes.slug", "text"),
        avatar_url=("attributes.avatar_url", "text"),
        logo_url=("attributes.logo_url", "text"),
        tenant_id=("relationships.tenant.data.id", "text"),
    ),
    User: _table(
        id=("id*", "text"),
        name=("attributes.name*", "text"),
        username=("attributes.username*", "text"),
        email=("attributes.email*", "text"),
        login_method=("attributes.login_method", "text"),
    ),
    Role: _table(id=("id*", "text"), name=("attributes.name*", "text")),
    Org: _table(id=("id*", "text"), name=("attributes.name*", "text")),
    GroupMembership: _table(
        id=("id*", "text"),
        created_at=("attributes.created_at*", "time"),
        **_MEMBERSHIP,
        group=("relationships.group.data", "group"),
        group_membership_count=("meta.group_membership_count", "count"),
    ),
    OrgMembership: _table(
        id=("id*", "text"),
        created_at=("attributes.created_at", "time"),
        **_MEMBERSHIP,
        org=("relationships.org.data", "org"),
    ),
    SsoConnection: _table(id=("id*", "text"), name=("attributes.name*", "text")),
    SsoUser: _table(
        id=("id*", "text"),
        name=("attributes.name", "text"),
        username=("attributes.username", "text"),
        email=("attributes.email", "text"),
        active=("attributes.active", "flag"),
        membership_created_at=("attributes.membership.created_at", "time"),
        membership_strategy=("attributes.membership.strategy", "text"),
    ),
}
_NOBODY: Final[dict[type[Any], Any]] = {model: model("") for model in (User, Role, Group, Org)}


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
    if type(value) is not str or not _DATE_TIME.fullmatch(value):
        raise TypeError("a date and time such as 2024-05-29T09:50:54Z")
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        raise TypeError("a date and time that exists") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_KINDS: Final[dict[str, Callable[[Any], Any]]] = {
    "text": _text,
    "flag": _flag,
    "count": _count,
    "time": _time,
}


def _compile(model: type[Any], converter: Converter) -> Callable[[Any, Any], Any]:
    """The hook for a model, written as source and compiled.

    A dictionary is asked for each container once; `or NONE` makes the absent and the null alike.
    """
    scope: dict[str, Any] = {**_KINDS, "model": model, "NONE": {}}
    lines = ["def structure(resource, shared):"]
    containers: dict[tuple[str, ...], str] = {(): "resource"}
    given: list[str] = []
    for member in _TABLES[model]:
        for depth in range(1, len(member.path)):
            prefix = member.path[:depth]
            if prefix not in containers:
                containers[prefix] = name = "_".join(prefix)
                lines.append(f"    {name} = {containers[prefix[:-1]]}.get({prefix[-1]!r}) or NONE")
        lines.append(f"    {member.name} = {containers[member.path[:-1]]}.get({member.path[-1]!r})")
        related = _RELATED.get(member.kind)
        if related is not None:
            scope[f"{member.kind}_hook"] = converter.get_structure_hook(related)
            scope[f"{member.kind}_nobody"] = _NOBODY[related]
            lines += [
                f"    if {member.name} is None:",
                f"        {member.name} = {member.kind}_nobody",
                "    else:",
            ]
            if member.kind in _SHARED:
                attributes = f'{member.name}["attributes"]'
                lines += [
                    f'        key = ({member.kind!r}, {member.name}["id"], {attributes}["name"])',
                    "        same = shared.get(key)",
                    "        if same is None:",
                    f"            same = shared[key] = {member.kind}_hook({member.name}, shared)",
                    f"        {member.name} = same",
                ]
            else:
                lines.append(f"        {member.name} = {member.kind}_hook({member.name}, shared)")
        elif member.required and member.kind == "text":
            lines += [f"    if {member.name}.__class__ is not str:", "        raise TypeError"]
        elif member.required:
            lines.append(f"    {member.name} = {member.kind}({member.name})")
        else:
            lines += [
                f"    if {member.name} is not None:",
                f"        {member.name} = {member.kind}({member.name})",
            ]
        given.append(member.name)
    lines.append(f"    return model({', '.join(given)})")
    source, filename = "\n".join(lines) + "\n", f"<structure {model.__name__}>"
    linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    exec(compile(source, filename, "exec"), scope)  # noqa: S102 - our own tables, as attrs and cattrs do it
    hook: Callable[[Any, Any], Any] = scope["structure"]
    return hook


def _explain(resource: Any, model: type[Any], path: str) -> _Malformed | None:
    """The first thing in the resource that the model's table does not allow."""
    if not isinstance(resource, dict):
        return _Malformed(path, f"an object is wanted, and {_kind_of(resource)} is there")
    for member in _TABLES[model]:
        here, value = path, cast("Any", resource)
        for key in member.path:
            if not isinstance(value, dict):
                return _Malformed(here, f"an object is wanted, and {_kind_of(value)} is there")
            here, value = f"{here}.{key}" if here else key, value.get(key)
            if value is None:
                break
        if value is None:
            if member.required:
                return _Malformed(_full(path, member), "it is missing, or null")
        elif member.kind in _RELATED:
            found = _explain(value, _RELATED[member.kind], here)
            if found is not None:
                return found
        else:
            try:
                _KINDS[member.kind](value)
            except TypeError as error:
                return _Malformed(here, f"{error} is wanted, and {_kind_of(value)} is there")
    return None


def _full(path: str, member: _Member) -> str:
    return ".".join((path, *member.path)) if path else ".".join(member.path)


def _kind_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "another string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


_converter: Final = Converter()
_converter.register_structure_hook_factory(lambda model: model in _TABLES, _compile)


def _document(response: ApiResponse) -> dict[str, Any]:
    try:
        document = _loads(response.content)
    except (ValueError, RecursionError):
        raise _refusal(response, "", _not_json(response)) from None
    if type(document) is not dict:
        raise _refusal(response, "", f"an object is wanted, and {_kind_of(document)} is there")
    return cast("dict[str, Any]", document)


def _not_json(response: ApiResponse) -> str:
    if not response.content.strip():
        return "it is empty"
    kind = response.headers.get("content-type", "no content type")
    return f"it is not JSON, or not whole (status {response.status_code}, {kind[:100]})"


def _refusal(response: ApiResponse, path: str, problem: str) -> DecodeError:
    return DecodeError(problem, path=path, operation=response.operation, request_id=response.request_id)


def _structure(response: ApiResponse, resource: Any, model: type[T], path: str, shared: dict[Any, Any]) -> T:
    hook: Callable[[Any, Any], T] = _converter.get_structure_hook(model)
    try:
        return hook(resource, shared)
    except (TypeError, KeyError, AttributeError, ValueError):
        found = _explain(resource, model, path)
    if found is None:  # pragma: no cover - the two readings of one table would have to differ
        found = _Malformed(path, "it is not what it must be")
    raise _refusal(response, found.path, found.problem)


def decode_one(response: ApiResponse, model: type[T]) -> T:
    """The resource of the answer as a model; a `DecodeError` when it is none."""
    return _structure(response, _document(response).get("data"), model, "data", {})


def decode_page(response: ApiResponse, model: type[T]) -> Page[T]:
    """The page of resources of the answer; a `DecodeError` when it is none."""
    document = _document(response)
    data = document.get("data")
    if type(data) is not list:
        raise _refusal(response, "data", f"a list is wanted, and {_kind_of(data)} is there")
    shared: dict[Any, Any] = {}
    hook: Callable[[Any, Any], T] = _converter.get_structure_hook(model)
    try:
        items = [hook(resource, shared) for resource in data]
    except (TypeError, KeyError, AttributeError, ValueError):
        items = [_structure(response, resource, model, f"data[{i}]", {}) for i, resource in enumerate(data)]
    links: Any = document.get("links") or {}
    if type(links) is not dict:
        raise _refusal(response, "links", f"an object is wanted, and {_kind_of(links)} is there")
    meta = document.get("meta")
    return Page(
        items=items,
        next_cursor=_cursor(response, links, "next", "starting_after"),
        prev_cursor=_cursor(response, links, "prev", "ending_before"),
        meta=meta if type(meta) is dict else {},
        response=response,
    )


def _cursor(response: ApiResponse, links: Mapping[str, Any], relation: str, parameter: str) -> str | None:
    """The cursor in a link: all that is taken from it. An empty string when the link has none."""
    link = links.get(relation)
    if type(link) is dict:
        link = link.get("href")
    if link is None:
        return None
    if type(link) is not str:
        raise _refusal(response, f"links.{relation}", f"a link is wanted, and {_kind_of(link)} is there")
    query = link.partition("#")[0].partition("?")[2]
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if unquote(name) == parameter:
            return unquote(value)  # not unquote_plus: a cursor may contain a plus
    return ""


def role_change(membership_id: str, role_id: str) -> bytes:
    """The body that gives a membership another role."""
    role = _identifier(role_id, "group_role")
    return _encode({"id": membership_id, "type": "group_membership", "relationships": {"role": role}})


def membership_creation(group_id: str, user_id: str, role_id: str) -> bytes:
    """The body that makes a user a member."""
    relationships = {
        "group": _identifier(group_id, "group"),
        "user": _identifier(user_id, "user"),
        "role": _identifier(role_id, "group_role"),
    }
    return _encode({"type": "group_membership", "relationships": relationships})


def _identifier(id_: str, type_: str) -> dict[str, Any]:
    return {"data": {"id": id_, "type": type_}}


def _encode(data: dict[str, Any]) -> bytes:
    return json.dumps({"data": data}, separators=(",", ":")).encode()


def decode_errors(content: bytes) -> tuple[ErrorObject, ...]:
    """What an error's body says, whatever its form; empty when it says nothing. Never raises."""
    try:
        document = _loads(content)
    except (ValueError, RecursionError):
        said = _said(content.decode("utf-8", "replace"))
        return (ErrorObject(detail=said),) if said else ()
    entries = document.get("errors") if type(document) is dict else document
    if type(entries) is not list:
        entries = [document]
    objects = (_error_object(entry) for entry in entries)
    return tuple(entry for entry in objects if entry != ErrorObject())


def _error_object(entry: Any) -> ErrorObject:
    if type(entry) is str:
        return ErrorObject(detail=_said(entry))
    if type(entry) is not dict:
        return ErrorObject()
    source = entry.get("source")
    links = entry.get("links")
    about = links.get("about") if type(links) is dict else None
    if type(about) is dict:
        about = about.get("href")
    code, title = _first(entry, "code", "errorRef"), _first(entry, "title")
    word = _first(entry, "error")  # next to a message or a description it is the kind of error
    detail = _first(entry, "detail", "details", "message", "error_description")
    if detail is None:
        detail = word
    elif code is None:
        code = word
    elif title is None:
        title = word
    return ErrorObject(
        status=_first(entry, "status"),
        code=code,
        title=title,
        detail=detail,
        id=_first(entry, "id"),
        pointer=_first(source, "pointer"),
        parameter=_first(source, "parameter"),
        about=_said(about) if type(about) is str else None,
        meta=entry.get("meta"),
    )


def _first(entry: Any, *names: str) -> str | None:
    """The first of the members that is there and says something."""
    if type(entry) is dict:
        for name in names:
            value = entry.get(name)
            if type(value) is str and (said := _said(value)):
                return said
            if type(value) is int:
                return str(value)
    return None


def _said(text: str) -> str | None:
    """A short, printable text from whatever came: of a page of HTML its title, or its words."""
    if "<" in text:
        title = re.search(r"<title[^>]*>([^<]*)</title", text, re.IGNORECASE)
        text = title[1] if title and title[1].strip() else _words(text)
        text = unescape(text)
    words = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _DETAIL_KEPT]).split())
    return (words if len(words) <= _DETAIL_KEPT else f"{words[:_DETAIL_KEPT]}...") or None


def _words(html: str) -> str:
    return re.sub(r"<[^>]*>?", " ", re.sub(r"(?is)<(script|style)\b.*?(</\1>|$)", " ", html))
