"""What people write for an address, and when two addresses are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import InvalidArgumentError
from groups_sdk.access._addresses import normalised, read_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" ada@example.com\t", "ada@example.com"),
        ("Ada@Example.com", "Ada@Example.com"),
        ("ada", "ada"),
        ("+ada", "+ada"),
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ('"Lovelace, Ada" <ada@example.com>', "ada@example.com"),
        ("< ada@example.com >", "ada@example.com"),
        ("ada@example.com <Ada@example.com>", "Ada@example.com"),
        ("'ada@example.com' <ada@example.com>", "ada@example.com"),
        ("mailto:ada@example.com", "ada@example.com"),
        ("MailTo:plus%2Btag@example.com?subject=Hello%20you", "plus+tag@example.com"),
        ("Ada <mailto:ada@example.com>", "ada@example.com"),
        ("åsa.öberg@exämple.com", "åsa.öberg@exämple.com"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("ａda@example.com", "ａda@example.com"),
    ],
)
def test_an_address_is_found_in_what_people_write(text: str, address: str) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("ada example", "is not an email address or a username"),
        ("a b@example.com", "is not an email address"),
        ("ada\x00@example.com", "is not an email address"),
        ("ada\x1b[2J@example.com", "is not an email address"),
        ("Ada <ada>", "has no address in it"),
        ("Ada <>", "has no address in it"),
        ("mailto:", "has no address in it"),
        ("mailto:a%20b@example.com", "is not an email address"),
        ("Ada <ada@example.com", "is not an email address"),
        ("ada@example.com> <", "is not an email address"),
        ("<a@x.com> <b@x.com>", "is not an email address"),
        ('"x@y" <a@b>', "has two addresses"),
        ("x@y.com <a@b.com>", "has two addresses"),
        ("a@x.com,b@x.com", "has two addresses"),
        ("a@x.com;b@x.com", "has two addresses"),
        ("a@x.com, b@x.com", "is not an email address"),
        ("mailto:a@x.com,b@x.com", "has two addresses"),
        ("long " * 100, r"^'long .{70,80}\.\.\. is not"),
    ],
)
def test_what_is_no_address_or_more_than_one_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read_address(text)


@given(st.text())
def test_what_is_read_has_no_white_space_and_is_read_as_itself(text: str) -> None:
    try:
        address = read_address(text)
    except InvalidArgumentError:
        return
    assert address
    assert not any(c.isspace() for c in address)


def test_only_ascii_letters_lose_their_case() -> None:
    assert normalised(" ADA@Example.COM\n") == "ada@example.com"
    for one, other in [
        ("steve@example.com", "\u017fteve@example.com"),  # long s
        ("kim@example.com", "\u212aim@example.com"),  # Kelvin sign
        ("strasse@example.com", "stra\u00dfe@example.com"),
        ("\u00e5sa@example.com", "\u00c5sa@example.com"),
        ("i@example.com", "\u0130@example.com"),
    ]:
        assert normalised(one) != normalised(other)
