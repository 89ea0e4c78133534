"""The contract, `openapi.json`, and what of a request or an answer departs from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import jsonschema_rs

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "contract" / "openapi.json").read_text(encoding="utf-8")
)
BASE_PATH: str = DOCUMENT["servers"][0]["url"]
MEDIA_TYPE = "application/vnd.api+json"
CREDENTIALS = re.compile("(?:token|Bearer) [!-~]+")


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """What a node says, or what it refers to."""
    if "$ref" not in node:
        return node
    found = DOCUMENT
    for key in node["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return found


OPERATIONS: dict[tuple[str, str], dict[str, Any]] = {
    (method.upper(), path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}


def parameters(operation: dict[str, Any], place: str) -> dict[str, dict[str, Any]]:
    """The parameters of an operation in its "path" or "query"."""
    found = [resolve(parameter) for parameter in operation["parameters"]]
    return {parameter["name"]: parameter for parameter in found if parameter["in"] == place}


def departures(request: httpx.Request, response: httpx.Response) -> list[str]:
    """What of a request and its answer, both read to the end, is not as the contract says."""
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    for (method, template), operation in OPERATIONS.items():
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(BASE_PATH + template))
        if method == request.method and (match := re.fullmatch(pattern, path)):
            ids = {name: unquote(value) for name, value in match.groupdict().items()}
            sent = [*_of_parameters(operation, ids, query), *_of_request(operation, request)]
            return [
                f"{operation['operationId']}: {text}" for text in (*sent, *_of_answer(operation, response))
            ]
    return [f"there is no {request.method} {path}"]


def _of_parameters(operation: dict[str, Any], ids: dict[str, str], query: str) -> Iterator[str]:
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    if len(dict(pairs)) != len(pairs):
        yield f"a parameter is repeated in {query}"
    for place, values in (("path", ids), ("query", dict(pairs))):
        known = parameters(operation, place)
        for name in values.keys() - known.keys():
            yield f"there is no parameter {name}"
        for name, parameter in known.items():
            if name in values:
                yield from _invalid(
                    _value(values[name], resolve(parameter["schema"])), parameter["schema"], name
                )
            elif parameter["required"]:
                yield f"{name} is missing"


def _of_request(operation: dict[str, Any], request: httpx.Request) -> Iterator[str]:
    if not CREDENTIALS.fullmatch(request.headers.get("authorization", "")):
        yield "no credentials"
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        yield "accept: the answer would not be taken"
    body = operation.get("requestBody")
    if body is None:
        if request.content or "content-type" in request.headers:
            yield "a body where none is wanted"
        return
    yield from _of_content(body["content"], request.headers, request.content, "body")


def _of_answer(operation: dict[str, Any], response: httpx.Response) -> Iterator[str]:
    status = str(response.status_code)
    declared = operation["responses"].get(status) or operation["responses"].get(f"{status[0]}XX")
    if declared is None:
        yield f"there is no answer {status}"
        return
    answer = resolve(declared)
    for name, node in answer.get("headers", {}).items():
        header = resolve(node)
        if name in response.headers:
            schema = header["schema"]
            yield from _invalid(_value(response.headers[name], resolve(schema)), schema, name)
        elif header.get("required"):
            yield f"the header {name} is missing from {status}"
    if "content" in answer:
        yield from _of_content(answer["content"], response.headers, response.content, f"answer {status}")
    elif response.content:
        yield f"a body in {status}"


def _of_content(content: dict[str, Any], headers: httpx.Headers, body: bytes, what: str) -> Iterator[str]:
    media_type = headers.get("content-type", "")
    if media_type not in content:
        yield f"{what}: the content type is {media_type!r}"
        return
    yield from _invalid(
        json.loads(body) if media_type.endswith("json") else body.decode(),
        content[media_type]["schema"],
        what,
    )


def _value(text: str, schema: dict[str, Any]) -> Any:
    """What a parameter or header means, by the type that its schema names."""
    if schema.get("type") == "integer" and re.fullmatch("0|[1-9][0-9]*", text):
        return int(text)
    if schema.get("type") == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text


def _invalid(value: Any, schema: dict[str, Any], what: str) -> Iterator[str]:
    for error in _validator(json.dumps(schema)).iter_errors(value):
        yield f"{what}: {error.message} at {list(error.instance_path)}"


@cache
def _validator(schema: str) -> Any:
    whole = {**json.loads(schema), "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
