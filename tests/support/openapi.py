"""The contract, `openapi.json`, and what of a request or an answer departs from it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import UUID

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


class Answers:
    """Documents made at random, which are as a schema of the contract says: any that is, may come."""

    def __init__(self, seed: object) -> None:
        self._random = Random(str(seed))

    def of(self, node: dict[str, Any]) -> Any:
        """A document of this schema."""
        schema, random = resolve(node), self._random
        if "oneOf" in schema:
            return self.of(random.choice(schema["oneOf"]))
        if "const" in schema or "enum" in schema:
            return random.choice(schema.get("enum") or [schema["const"]])
        kinds = schema.get("type", ["string", "number", "boolean", "null", "array", "object"])
        kind = random.choice(kinds) if isinstance(kinds, list) else kinds
        made: dict[str, Callable[[dict[str, Any]], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "number": lambda _: random.choice([0, 12, 12.0, 2.5, -1, 1e300, random.randrange(1000)]),
            "integer": lambda schema: random.randrange(schema.get("minimum", -1000), 1000),
            "boolean": lambda _: random.random() < 0.5,
            "null": lambda _: None,
        }
        return made[kind](schema)

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        properties = schema.get("properties", {})
        made = {
            name: self.of(node)
            for name, node in properties.items()
            if name in schema.get("required", ()) or self._random.random() < 0.7
        }
        if schema.get("additionalProperties", True) and self._random.random() < 0.2:
            made["new_member"] = self._random.choice([None, 5, "x", [], {"data": []}])
        return made

    def _array(self, schema: dict[str, Any]) -> list[Any]:
        least, most = schema.get("minItems", 0), min(schema.get("maxItems", 5), 5)
        return [
            self.of(schema.get("items", {"type": "null"})) for _ in range(self._random.randint(least, most))
        ]

    def _string(self, schema: dict[str, Any]) -> str:
        random = self._random
        if schema.get("format") == "uuid":
            return str(UUID(int=random.getrandbits(128)))
        if schema.get("format") == "uri":
            return f"https://images.example/{random.randrange(1000)}.png"
        if schema.get("format") == "date-time":
            day = f"{random.choice([1, 1999, 2024, 9999]):04}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
            time = f"{random.randrange(24):02}:{random.randrange(60):02}:{random.randrange(60):02}"
            fraction = random.choice(["", ".1", ".014", ".123456789"])
            return (
                f"{day}{random.choice('Tt')}{time}{fraction}{random.choice(['Z', 'z', '+14:00', '-11:30'])}"
            )
        if "pattern" in schema:
            return "1.0"  # the only one in answers is that of the JSON:API version
        return "".join(random.choices("aé\u202e\x00😀 '\"@&=?/", k=random.randrange(12)))


def conforms(value: Any, schema: dict[str, Any]) -> list[str]:
    """What of a document is not as a schema of the contract says."""
    return [*_invalid(value, schema, "answer")]
