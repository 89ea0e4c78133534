"""Whole documents: one resource, a page of them with its links, and the bodies of changes."""

from __future__ import annotations

import json
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from groups_sdk._jsonapi import parsing
from groups_sdk._jsonapi.resources import Malformed, kind_of, structure
from groups_sdk._pagination import Page
from groups_sdk._responses import ApiResponse
from groups_sdk.errors import DecodeError

__all__ = ["decode_one", "decode_page", "membership_creation", "role_change"]

T = TypeVar("T")


def decode_one(response: ApiResponse, model: type[T]) -> T:
    """The answer's one resource as a model.

    Raises `DecodeError`, which says where and what, when the answer or the resource is not what it must be.

    Example:
        group = decode_one(response, Group)
    """
    data = _document(response).get("data")
    return _structure(response, [data], model, "data")[0]


def decode_page(response: ApiResponse, model: type[T]) -> Page[T]:
    """The answer's list of resources as a page of models, with the cursors of the pages next to it.

    Raises `DecodeError`, which says where and what, when the answer or a resource is not what it must be.

    Example:
        page = decode_page(response, GroupMembership)
        print(page.items[0].user.email, page.next_cursor)
    """
    document = _document(response)
    data = document.get("data")
    if type(data) is not list:
        raise _refusal(response, "data", f"a list is wanted, and {kind_of(data)} is there")
    meta = document.get("meta")
    return Page(
        items=_structure(response, data, model, "data[{}]"),
        next_cursor=_cursor(response, document, "next", "starting_after"),
        prev_cursor=_cursor(response, document, "prev", "ending_before"),
        meta=meta if type(meta) is dict else {},
        response=response,
    )


def _document(response: ApiResponse) -> dict[str, Any]:
    try:
        document = parsing.parse(response.content)
    except (ValueError, RecursionError):
        raise _refusal(response, "", _not_json(response)) from None
    if type(document) is not dict:
        raise _refusal(response, "", f"an object is wanted, and {kind_of(document)} is there")
    return cast("dict[str, Any]", document)


def _not_json(response: ApiResponse) -> str:
    if not response.content.strip():
        return "it is empty"
    content_type = response.headers.get("content-type", "no content type")
    return f"it is not JSON, or not whole (status {response.status_code}, {content_type[:100]})"


def _structure(response: ApiResponse, resources: list[Any], model: type[T], path: str) -> list[T]:
    try:
        return structure(resources, model, path)
    except Malformed as found:
        raise _refusal(response, found.path, found.problem) from None


def _refusal(response: ApiResponse, path: str, problem: str) -> DecodeError:
    return DecodeError(problem, path=path, operation=response.operation, request_id=response.request_id)


def _cursor(response: ApiResponse, document: dict[str, Any], relation: str, parameter: str) -> str | None:
    """The cursor in a link, the last where there are several: all that is taken from it.

    None where there is no link, and an empty string where it has no cursor.
    """
    path, link = "links", document.get("links")
    for key in (relation, "href"):
        if type(link) is dict:
            path, link = f"{path}.{key}", link.get(key)
    if link is None:
        return None
    if type(link) is not str or path == "links":
        raise _refusal(response, path, f"a link is wanted, and {kind_of(link)} is there")
    cursor = ""
    for pair in link.partition("#")[0].partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if unquote(name) == parameter:
            cursor = unquote(value)  # not unquote_plus: a cursor may contain a plus
    return cursor


def role_change(membership_id: str, role_id: str) -> bytes:
    """The body that gives a membership another role.

    Example:
        body = role_change(membership.id, role_id)
    """
    relationships = {"role": _identifier(role_id, "group_role")}
    return _encode({"id": membership_id, "type": "group_membership", "relationships": relationships})


def membership_creation(group_id: str, user_id: str, role_id: str) -> bytes:
    """The body that makes a user a member of a group.

    Example:
        body = membership_creation(group.id, user_id, role_id)
    """
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
