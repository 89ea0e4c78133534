"""Whole documents: one resource, a page of them with its links, and the bodies of changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from groups_sdk._arguments import OnDecodeError
from groups_sdk._jsonapi import parsing
from groups_sdk._jsonapi.resources import structure, structure_page
from groups_sdk._jsonapi.values import StructureError, type_problem
from groups_sdk._pages import DecodeProblem, FetchedPage, Page
from groups_sdk._responses import ApiResponse
from groups_sdk._terminal import printable
from groups_sdk.errors import DecodeError

__all__ = ["decode_one", "membership_creation", "open_page", "role_change"]

T = TypeVar("T")


def decode_one(response: ApiResponse, model: type[T], *, applied: bool = False) -> T:
    """The resource of the response as a model.

    Raises `DecodeError`, with the path and the problem, when the document is not as the API describes it. `applied`
    tells whether it is the answer to a write, which may come without the resource: then nothing is known of it.

    Example:
        group = decode_one(response, Group)
    """
    try:
        return structure(_document(response).get("data", {} if applied else None), model, "data")
    except StructureError as error:
        raise _decode_error(response, error, applied=applied) from None


def open_page(
    response: ApiResponse,
    model: type[T],
    *,
    limit: int = 100,
    cursor: str | None = None,
    on_decode_error: OnDecodeError = "raise",
    redact: Callable[[str], str] = str,
) -> FetchedPage[T]:
    """The response as a page with the cursors of the next and the previous one; its resources are decoded later.

    `limit` and `cursor` are those of the request. Raises `DecodeError`, with the path and the problem, when the
    document is not as the API describes it; so does the page's `decode` when one of its resources is not. With "skip",
    such a resource is left out, and is one of the page's `problems`. `redact` takes secrets out of what these, and the
    error, say.

    Example:
        page = open_page(response, GroupMembership).decode()
        print(page.items[0].user.email, page.next_cursor)
    """
    try:
        document = _document(response)
        resources = document.get("data")
        if type(resources) is not list:
            raise StructureError("data", type_problem("a list", resources))
        next_cursor = _cursor(document, "next", "starting_after")
        if next_cursor == "" and cursor is None and len(resources) < limit and _leads_to_itself(document):
            next_cursor = None  # of a first page with room left: there is no more
        prev_cursor = _cursor(document, "prev", "ending_before")
    except StructureError as error:
        raise _decode_error(response, error) from None
    meta = document.get("meta")

    def decode() -> Page[T]:
        problems: list[DecodeProblem] = []

        def broken(index: int, error: StructureError) -> None:
            id_ = _id_of(resources[index])
            problem = DecodeProblem(
                None if id_ is None else redact(id_),
                error.path,
                redact(error.problem),
                None if cursor is None else redact(cursor),
                resources[index],
            )
            if on_decode_error == "raise":
                raise _decode_error(response, error, record=problem) from None
            problems.append(problem)

        return Page(
            items=structure_page(resources, model, "data", broken),
            next_cursor=next_cursor,
            prev_cursor=prev_cursor,
            meta=meta if type(meta) is dict else {},
            response=response,
            problems=tuple(problems),
        )

    return FetchedPage(next_cursor, prev_cursor, decode)


def _id_of(resource: Any) -> str | None:
    id_ = resource.get("id") if type(resource) is dict else None
    return id_ if type(id_) is str and id_ else None


def _decode_error(
    response: ApiResponse,
    error: StructureError,
    *,
    applied: bool = False,
    record: DecodeProblem | None = None,
) -> DecodeError:
    return DecodeError(
        error.problem if record is None else record.message,
        path=error.path,
        operation=response.operation,
        request_id=response.request_id,
        applied=applied,
        in_record=record is not None,
        record_id=record.id if record else None,
        cursor=record.cursor if record else None,
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

    None where there is no link, or an empty one, and an empty string where the link has no cursor.
    """
    link = _link(document, relation)
    if not link:
        return None
    cursor = ""
    for pair in link.partition("#")[0].partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if unquote(name) == parameter:
            cursor = unquote(value)  # not unquote_plus: a cursor may contain a plus
    return cursor


def _leads_to_itself(document: dict[str, Any]) -> bool:
    return _link(document, "next") == _link(document, "self")


def _link(document: dict[str, Any], relation: str) -> str | None:
    """The text of a link, whatever its form; None where there is none."""
    links = document.get("links")
    if links is None:
        return None
    if type(links) is not dict:
        raise StructureError("links", type_problem("an object", links))
    path, link = f"links.{relation}", links.get(relation)
    if type(link) is dict:
        path, link = f"{path}.href", link.get("href")
    if link is not None and type(link) is not str:
        raise StructureError(path, type_problem("a link", link))
    return link.strip() if link else None


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
