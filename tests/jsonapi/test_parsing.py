"""The standard library reads what orjson reads, and refuses what orjson refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groups_sdk._jsonapi import parsing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def outcome(parse: Any, content: bytes) -> str:
    try:
        return repr(parse(content))
    except ValueError:
        return "refused"


@given(value=JSON, ensure_ascii=st.booleans())
def test_any_document_is_read_the_same(value: Any, ensure_ascii: bool) -> None:
    content = json.dumps(value, ensure_ascii=ensure_ascii).encode("utf-8", "surrogatepass")
    assert outcome(parsing.parse_plainly, content) == outcome(orjson.loads, content)


@given(content=st.binary(max_size=20) | st.text('0189-+.eE[]{},:"\\ud ntrf', max_size=20).map(
    lambda text: text.encode("utf-8", "surrogatepass")))  # fmt: skip
@example(b"")
def test_any_bytes_are_read_or_refused_the_same(content: bytes) -> None:
    assert outcome(parsing.parse_plainly, content) == outcome(orjson.loads, content)


@pytest.mark.parametrize(
    "content",
    [
        b"NaN", b"-Infinity", b"1e400", b"-1e400", b"1" + b"0" * 400, b"1" * 5000, b"1e-400", b"-0", b"-0.0", b"5.0",
        b"18446744073709551615", b"18446744073709551616", b"-9223372036854775808", b"-9223372036854775809",
        b'{"a": 1, "a": 2}', b'"\\ud800"', b'{"\\udc00\\ud800": 1}', b'"\\ud83d\\ude00"', b'"\\\\ud800"',
        b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b'"\xff"', b'"\xed\xa0\x80"', b'"\x01"', b'["a",]', b"01", b"[] []",
    ],
    ids=lambda content: repr(content[:24]),
)  # fmt: skip
def test_the_odd_corners_of_json_are_the_same(content: bytes) -> None:
    assert outcome(parsing.parse_plainly, content) == outcome(orjson.loads, content)


@pytest.mark.parametrize(("absent", "parser"), [(True, "parsing.parse_plainly"), (False, "orjson.loads")])
def test_orjson_is_used_where_it_is_installed(absent: bool, parser: str) -> None:
    hide = "sys.modules['orjson'] = None\n" if absent else "import orjson\n"
    code = f"import sys\n{hide}from groups_sdk._jsonapi import parsing\nassert parsing._loads is {parser}\n"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf[1]", b"[1]"])
def test_a_byte_order_mark_in_front_is_no_part_of_it(content: bytes) -> None:
    assert parsing.parse(content) == [1]


def test_one_byte_order_mark_is_enough() -> None:
    with pytest.raises(ValueError):
        parsing.parse(b"\xef\xbb\xbf" * 2 + b"{}")
