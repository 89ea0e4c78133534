"""Texts of others in Markdown: they are shown, and nothing comes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from groups_sdk.access._markdown import code, folded_list, folded_table

NASTY = [
    "@octocat",
    "#1 GH-1 !2 ~bug",
    "https://evil.test www.evil.test a@b.test",
    "[click](https://evil.test)",
    "![](https://evil.test/pixel.png)",
    "<img src=x onerror=alert(1)><!-- </code></details>",
    "a | b || c |",
    "\\|",
    "`tick` ``two`` ```",
    "`",
    " padded ",
    "**bold** _it_ ~~no~~ :smile: $x$",
]
MARKDOWN = MarkdownIt("commonmark").enable("table")  # which comes with rich


def shown(markdown: str) -> str:
    """What a reader of a table sees whose only cell this is, when there is nothing in it but code and pipes."""
    table = f"| head |\n| --- |\n| {markdown} |\n"
    inline = [token for token in MARKDOWN.parse(table) if token.type == "inline"]
    assert len(inline) == 2, "the cell was divided"
    tokens = inline[1].children or []
    assert {token.type for token in tokens} <= {"code_inline", "text_special", "text"}
    outside = "".join(token.content for token in tokens if token.type != "code_inline")
    assert set(outside) <= {"|"}
    return "".join(token.content for token in tokens)


@pytest.mark.parametrize("text", NASTY)
def test_a_text_is_shown_as_it_is_and_is_all_code(text: str) -> None:
    assert shown(code(text)) == text


@given(st.text(st.sampled_from("`| \\<>@[]()!ab*_&#;"), min_size=1))
def test_nothing_breaks_out(text: str) -> None:
    assert shown(code(text)) == text
    assert "|" not in code(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", "-"),
        ("a\nb\r\x1b[2J", "`a\\nb\\r\\x1b[2J`"),
        ("a\u202eb\u200b\ufeff", "`a\\u202eb\\u200b\\ufeff`"),
        ("\u115f\u3164\u2800\ufe0f\U000e0101", "`\\u115f\\u3164\\u2800\\ufe0f\\U000e0101`"),
        ("åsa 李 \U0001f600", "`åsa 李 \U0001f600`"),
    ],
)
def test_what_is_not_seen_is_spelled_out(text: str, seen: str) -> None:
    assert code(text) == seen


def test_what_is_long_is_folded_up_and_all_there() -> None:
    table = ["| a | b |", "| --- | --- |"]
    rows = [("1", "x"), ("2", "y"), ("3", "z")]
    fold = ["", "<details>", "<summary>1 more</summary>", ""]
    assert folded_table(("a", "b"), rows, 3) == [*table, "| 1 | x |", "| 2 | y |", "| 3 | z |"]
    assert folded_table(("a", "b"), rows, 2) == [
        *(*table, "| 1 | x |", "| 2 | y |"),
        *(*fold, *table, "| 3 | z |", "", "</details>"),
    ]
    assert folded_list(["x"], 1) == ["- x"]
    assert folded_list(["x", "y"], 1) == ["- x", *fold, "- y", "", "</details>"]
