"""Secrets are found in whatever way a server repeats them."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk._http.redaction import redact, redact_all

SECRET = "sec-1f2e3d4c-9a8b<+%/~"


def encoded(content: str, *, url_safe: bool, padded: bool) -> str:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    text = encode(content.encode()).decode()
    return text if padded else text.rstrip("=")


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("url_safe", [True, False])
@pytest.mark.parametrize("behind", ["", "1", "12", "123", ": and more"])
@pytest.mark.parametrize("before", ["", "1", "12", "my-client-id:", "another-id:", "and-a-third:"])
@pytest.mark.parametrize(
    "form", [str, urllib.parse.quote_plus, lambda text: urllib.parse.quote(text, safe="")]
)
def test_a_secret_in_base64_is_taken_out_wherever_it_begins(
    form: Callable[[str], str], before: str, behind: str, url_safe: bool, padded: bool
) -> None:
    text = encoded(before + form(SECRET) + behind, url_safe=url_safe, padded=padded)
    left = redact(f"Basic {text}; x", (SECRET,))
    kept_before = encoded(before, url_safe=url_safe, padded=False)[: len(before) * 4 // 3]
    assert left.startswith(f"Basic {kept_before}***")
    assert left.endswith("; x")
    assert len(left) <= len("Basic ***=; x") + 4 * (len(before) + len(behind) + 5) // 3


@pytest.mark.parametrize("length", range(8, len(SECRET) + 1))
def test_the_beginning_of_a_secret_at_the_end_of_a_text_is_taken_out(length: int) -> None:
    assert redact(f"sent {SECRET[:length]}", (SECRET,)) == "sent ***"
    assert redact(f"{SECRET[:length]} was sent", (SECRET,)) == (
        "*** was sent" if length == len(SECRET) else f"{SECRET[:length]} was sent"
    )


def test_the_beginning_of_a_secret_in_base64_at_the_end_of_a_text_is_taken_out() -> None:
    text = base64.b64encode(f"a:{SECRET}".encode()).decode()
    assert redact(f"sent {text[:20]}", (SECRET,)) == "sent YT***"


def test_a_text_that_is_encoded_again_and_again_stays_as_it_is() -> None:
    assert redact_all(["all of %25252525"], (SECRET,)) == ["all of %25252525"]


@pytest.mark.parametrize("secret", ["t", "error", "1234567", ""])
def test_a_secret_of_less_than_eight_characters_is_not_looked_for(secret: str) -> None:
    text = f"an error that came with {secret}"
    assert redact(text, (secret,)) == text
    assert redact("a 12345678 b", ("12345678",)) == "a *** b"


def test_several_secrets_are_taken_out_even_where_they_overlap() -> None:
    assert redact("x abcdefghijkl y mnopqrstu z", ("abcdefgh", "efghijkl", "mnopqrstu")) == "x *** y *** z"


@pytest.mark.parametrize(
    "text",
    [
        "p\u00e4ssw\u00f6rd!",
        urllib.parse.quote("p\u00e4ssw\u00f6rd!"),
        "p&auml;ssw&#246;rd!",
        "P\u00e4SSW\u00f6RD!",
    ],
)
def test_a_secret_that_is_not_ascii_is_taken_out(text: str) -> None:
    assert redact(f"a {text} b", ("p\u00e4ssw\u00f6rd!",)) == "a *** b"


def test_texts_without_a_secret_stay_as_they_are() -> None:
    texts = ["a%20b", r"c:\new", "&lt;d&gt; &nope; &quot;", "e\x00\u0130"]
    assert redact_all(texts, (SECRET,)) is texts
    assert redact_all([*texts, SECRET], (SECRET,)) == [*texts, "***"]


@given(
    parts=st.lists(
        st.sampled_from([SECRET, SECRET.upper(), "x", "%2", "&amp;", "\\\\", "\\u00", "\u0130", " "])
    ),
    times=st.integers(0, 2),
)
def test_no_text_hides_a_secret(parts: list[str], times: int) -> None:
    text = "".join(parts)
    for _ in range(times):
        text = urllib.parse.quote(text, safe="")
    left = redact(text, (SECRET,))
    for _ in range(times + 1):
        assert SECRET.lower() not in left.lower()
        left = urllib.parse.unquote(left)


@pytest.mark.parametrize("form", [str, lambda text: urllib.parse.quote(urllib.parse.quote(text))])
def test_the_beginning_of_a_secret_is_hidden_at_the_end_of_each_text(form: Any) -> None:
    secret = "se/cr+et-0123456789-abcdef"
    texts = ["token " + form(secret[:20]), "100%", "end", "%252541"]
    assert redact_all(texts, (secret,)) == ["token ***", "100%", "end", "%252541"]


def test_the_beginning_of_an_encoded_secret_is_hidden_at_the_end_of_a_text() -> None:
    cut = "".join(f"%{ord(letter):02x}" for letter in SECRET[:12])
    assert redact_all([f"token {cut}", "end"], (SECRET,)) == ["token ***", "end"]
    assert (
        redact_all(["token %41%42%43%44%45%46%47%48", "end"], (SECRET,))[0]
        == "token %41%42%43%44%45%46%47%48"
    )
