"""Whole documents: one resource, a page of them with its links, and the bodies of changes."""

from __future__ import annotations

import json
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from groups_sdk._jsonapi import parsing
from groups_sdk._jsonapi.resources import structure, structure_page
from groups_sdk._jsonapi.values import StructureError, type_problem
from groups_sdk._pagination import Page
from groups_sdk._responses import ApiResponse
from groups_sdk._terminal import printable
from groups_sdk.errors import DecodeError

__all__ = ["decode_one", "decode_page", "membership_creation", "role_change"]

T = TypeVar("T")


def decode_one(response: ApiResponse, model: type[T], *, applied: bool = False) -> T:
    """The resource of the response as a model.

    Raises `DecodeError`, with the path and the problem, when the document is not as the API describes it. `applied`
    tells whether it is the answer to a write.

    Example:
        group = decode_one(response, Group)
    """
    try:
        return structure(_document(response).get("data"), model, "data")
    except StructureError as error:
        raise _decode_error(response, error, applied=applied) from None


def decode_page(response: ApiResponse, model: type[T]) -> Page[T]:
    """The resources of the response as a page of models, with the cursors of the next and the previous page.

    Raises `DecodeError`, with the path and the problem, when the document is not as the API describes it.

    Example:
        page = decode_page(response, GroupMembership)
        print(page.items[0].user.email, page.next_cursor)
    """
    try:
        document = _document(response)
        resources = document.get("data")
        if type(resources) is not list:
            raise StructureError("data", type_problem("a list", resources))
        meta = document.get("meta")
        return Page(
            items=structure_page(resources, model, "data"),
            next_cursor=_cursor(document, "next", "starting_after"),
            prev_cursor=_cursor(document, "prev", "ending_before"),
            meta=meta if type(meta) is dict else {},
            response=response,
        )
    except StructureError as error:
        raise _decode_error(response, error) from None


def _decode_error(response: ApiResponse, error: StructureError, *, applied: bool = False) -> DecodeError:
    return DecodeError(
        error.problem,
        path=error.path,
        operation=response.operation,
        request_id=response.request_id,
        applied=applied,
    )


def _document(response: ApiResponse) -> dict[str, Any]:
    try:
        document = parsing.parse(response.content)
    except (ValueError, RecursionError):
        raise StructureError("", _not_json(response)) from None
    if type(document) is not dict:
        raise StructureError("", type_problem("an object", document))
    return cast("dict[str, Any]", document)


def _not_json(response: ApiResponse) -> str:
    if not response.content.strip():
        return "it is empty"
    content_type = printable(response.headers.get("content-type", "no content type"), 100)
    return f"it is not JSON, or not whole (status {response.status_code}, {content_type})"


def _cursor(document: dict[str, Any], relation: str, parameter: str) -> str | None:
    """The cursor in a link, which is all that is used of it; the last one where it has several.

    None where there is no link, and an empty string where the link has no cursor.
    """
    links = document.get("links", {})
    if links is None:
        return None
    if type(links) is not dict:
        raise StructureError("links", type_problem("an object", links))
    path, link = f"links.{relation}", links.get(relation)
    if type(link) is dict:
        path, link = f"{path}.href", link.get("href")
    if link is None:
        return None
    if type(link) is not str:
        raise StructureError(path, type_problem("a link", link))
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
