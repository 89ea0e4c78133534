"""Addresses that are not the same, and look the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk.access._addresses import normalised
from groups_sdk.access._lookalikes import skeleton

LOOK_ALIKE = {
    "a long s": ("steve@mail.test", "\u017fteve@mail.test"),
    "sharp s": ("strasse@mail.test", "stra\u00dfe@mail.test"),
    "the Kelvin sign": ("kim@mail.test", "\u212aim@mail.test"),
    "a Cyrillic a": ("ann@mail.test", "\u0430nn@mail.test"),
    "a Greek omicron": ("bob@mail.test", "b\u03bfb@mail.test"),
    "a dotless i": ("mia@mail.test", "m\u0131a@mail.test"),
    "case of other letters": ("\u00e5sa@mail.test", "\u00c5sa@mail.test"),
    "normalisation": ("\u00e5sa@mail.test", "a\u030asa@mail.test"),
    "full-width letters": ("ada@mail.test", "\uff41da@mail.test"),
    "a full-width at sign": ("ada@mail.test", "ada\uff20mail.test"),
    "an invisible character": ("ada@mail.test", "a\u200bda@mail.test"),
    "a soft hyphen": ("ada@mail.test", "ad\u00ada@mail.test"),
    "the IDNA form": ("ada@ex\u00e4mple.test", "ada@xn--exmple-cua.test"),
    "an ideographic full stop": ("ada@mail.test", "ada@mail\u3002test"),
}


@pytest.mark.parametrize(("one", "other"), LOOK_ALIKE.values(), ids=LOOK_ALIKE)
def test_not_the_same_but_alike(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("asa@mail.test", "\u00e5sa@mail.test"),
        ("ann@mail.test", "anne@mail.test"),
        ("a.b@mail.test", "ab@mail.test"),
        ("ada@xn--.test", "ada@xn--\u00e9.test"),
    ],
)
def test_neither(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@given(st.text())
def test_what_is_the_same_looks_the_same(text: str) -> None:
    assert skeleton(normalised(text)) == skeleton(text)
