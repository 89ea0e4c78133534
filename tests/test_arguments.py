"""Checks of arguments: what passes, what is refused, and how the refusal reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import InvalidArgumentError
from groups_sdk import _arguments as arguments

ID = "331ede0a-de94-456f-b788-166caeca58bf"
PASSING: list[tuple[Callable[[Any], object], list[Any]]] = [
    (lambda value: arguments.uuid("x", value), [ID, ID.upper()]),
    (arguments.limit, list(range(10, 101, 10))),
    (lambda value: arguments.choice("x", value, ("ASC", "DESC")), [None, "ASC", "DESC"]),
    (lambda value: arguments.text("x", value), [None, "a", " Ärzte "]),
    (lambda value: arguments.flag("x", value), [None, True, False]),
    (
        arguments.path,
        [
            "/groups",
            f"/groups/{ID}/memberships",
            "/a%20b",
            "/a%2Fb",
            "/.hidden",
            "/a..b",
            "/...",
            "/@:+,=-_~",
        ],
    ),
]
REFUSED: list[tuple[Callable[[Any], object], str, list[Any]]] = [
    (
        lambda value: arguments.uuid("group_id", value),
        "group_id must be a UUID such as",
        [
            "",
            "x",
            ID[:-1],
            f"{ID}0",
            f"{ID}\n",
            f" {ID}",
            f"{{{ID}}}",
            ID.replace("-", ""),
            f"../{ID}",
            "٣" + ID[1:],
            None,
            5,
            ID.encode(),
        ],
    ),
    (
        arguments.limit,
        "limit must be one of 10, 20, ... 100",
        [0, -10, 5, 11, 101, 110, 10.0, "10", True, None],
    ),
    (
        lambda value: arguments.choice("sort_order", value, arguments.SORT_ORDERS),
        "sort_order must be one of ASC, DESC; got",
        ["", "asc", "ASC ", 5, ["ASC"], True],
    ),
    (
        lambda value: arguments.text("email", value),
        "email must be a string that is not blank, or None; got",
        ["", " ", "\n", 5, b"a"],
    ),
    (
        lambda value: arguments.flag("cascade", value),
        "cascade must be True, False or None; got",
        [0, 1, "true", ""],
    ),
    (
        arguments.path,
        "path must be relative to the base URL, such as '/groups/{id}',",
        [
            "",
            "/",
            "groups",
            "//host/x",
            "/a//b",
            "/a/",
            "/a?b=c",
            "/a#b",
            "/a b",
            "/a\n",
            "/ä",
            "https://host/x",
            "/a\\b",
            None,
            5,
            "/..",
            "/.",
            "/a/../b",
            "/a/./b",
            "/%2e%2E/b",
            "/.%2e",
            "/a/..%2f..%2fb",
            "/a%2F..",
            "/a%5C..%5Cb",
            "/a%",
            "/a%2",
            "/a%zz",
        ],
    ),
]


@pytest.mark.parametrize(
    ("check", "value"), [(check, value) for check, values in PASSING for value in values]
)
def test_what_the_api_takes_passes_unchanged(check: Callable[[Any], object], value: Any) -> None:
    assert check(value) is value


@pytest.mark.parametrize(
    ("check", "message", "value"),
    [(check, text, value) for check, text, values in REFUSED for value in values],
)
def test_what_the_api_would_refuse_is_refused_with_the_name_of_the_argument(
    check: Callable[[Any], object], message: str, value: Any
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check(value)
    assert str(caught.value).startswith(message)
    assert repr(value) in str(caught.value)


def test_a_long_value_is_shown_cut() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        arguments.uuid("group_id", "x" * 10_000)
    assert str(caught.value).endswith(f"got '{'x' * 59}...")


def test_one_cursor_at_most() -> None:
    for cursors in ((None, None), ("v1.a", None), (None, "v1.b")):
        arguments.cursors(*cursors)
    with pytest.raises(InvalidArgumentError, match="not both"):
        arguments.cursors("v1.a", "v1.b")
    with pytest.raises(InvalidArgumentError, match="starting_after"):
        arguments.cursors("", None)
    with pytest.raises(InvalidArgumentError, match="ending_before"):
        arguments.cursors(None, "")


@given(st.text(alphabet="/.%2eEfF5cC\\a", max_size=12))
def test_no_path_that_passes_leads_upwards_however_it_is_decoded(tail: str) -> None:
    try:
        path = arguments.path(f"/{tail}")
    except InvalidArgumentError:
        return
    decoded = path.lower().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/")
    assert not {".", ".."} & set(decoded.split("/"))
