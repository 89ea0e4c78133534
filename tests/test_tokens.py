"""What a token tells of itself, and that no text is too odd to be looked at."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tokens import SIGNATURE, encoded, jwt, pat, pat_of

from groups_sdk._tokens import is_jwt, is_personal, jwt_claims, jwt_expiry, jwt_hosts, personal_hosts

EU = "api.eu.snyk.io"


@pytest.mark.parametrize("token", [jwt(), jwt(sub="me"), encoded(b'{"alg": null}') + ".x.y"])
def test_a_jwt_begins_with_an_object_that_names_the_algorithm(token: str) -> None:
    assert is_jwt(token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "11111111-2222-3333-4444-555555555555",
        "eyJhbGciOi.example.token",
        pat(EU),
        jwt(header={"typ": "JWT"}),
        jwt(header=["alg"]),
        jwt(header="alg"),
        jwt() + ".more",
        jwt().rpartition(".")[0],
        f"{jwt()}\n",
        f" {jwt()}",
        f"{jwt()}=",
        jwt().replace(".", "..", 1),
        jwt().encode(),
        None,
        7,
    ],
)
def test_anything_else_is_no_jwt(text: object) -> None:
    assert not is_jwt(text)


def test_claims_are_those_of_the_second_part() -> None:
    assert jwt_claims(jwt(sub="me", aud="you")) == {"sub": "me", "aud": "you"}
    assert jwt_claims(encoded(b'{"alg": "RS256"}') + "." + encoded(b"[]") + ".x") == {}
    assert jwt_claims(pat(EU)) == {}


@pytest.mark.parametrize("exp", [1762336800, 1762336800.0])
def test_the_time_of_expiry_is_told_in_utc(exp: float) -> None:
    assert jwt_expiry(jwt(exp=exp)) == datetime(2025, 11, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "exp", [None, True, "1762336800", 1e300, -1e300, float("nan"), float("inf"), 10**400]
)
def test_an_expiry_that_is_no_time_is_not_known(exp: object) -> None:
    assert jwt_expiry(jwt(exp=exp)) is None


def test_what_is_no_jwt_has_no_expiry() -> None:
    assert jwt_expiry(pat(EU)) is None


@pytest.mark.parametrize(
    ("audience", "hosts"),
    [
        (f"https://{EU}", [EU]),
        ("HTTPS://API.eu.snyk.io/rest/?x#y", [EU]),
        (f"https://{EU}:443/", [EU]),
        (EU, [EU]),
        (EU.upper(), [EU]),
        ([f"https://{EU}"], [EU]),
        (["https://a.example", EU], ["a.example", EU]),
        (f"https://{EU}@evil.example/", ["evil.example"]),
        (f"https://evil.example/{EU}", ["evil.example"]),
        ("https://[", ["https://["]),
        ("https://", ["https://"]),
        ("snyk", ["snyk"]),
        ({"a": 1}, ["{'a': 1}"]),
        (None, []),
        ("", []),
        ([], []),
    ],
)
def test_the_hosts_of_a_jwt_are_those_of_its_audience(audience: object, hosts: list[str]) -> None:
    assert jwt_hosts(jwt(aud=audience)) == hosts


def test_what_is_no_jwt_has_no_audience() -> None:
    assert jwt_hosts(jwt()) == jwt_hosts(pat(EU)) == jwt_hosts("opaque") == []


@pytest.mark.parametrize("kind", ["snyk_uat", "snyk_sat"])
@pytest.mark.parametrize("last", [False, True])
def test_a_personal_access_token_names_its_host(kind: str, last: bool) -> None:
    assert is_personal(pat(EU, kind=kind))
    assert personal_hosts(pat(EU.upper(), kind=kind, last=last)) == [EU]
    assert personal_hosts(pat(f"https://{EU}", kind=kind, last=last)) == [EU]


@pytest.mark.parametrize(
    "token",
    [
        pat(""),
        pat(None),
        pat(EU, kind="snyk_xat"),
        pat(EU) + ".more",
        pat_of(f'["{EU}"]'.encode()),
        pat_of(f'{{"h": "{EU}"'.encode()),
        pat_of(b"\xff\xfe"),
        pat_of(b"[" * 100_000),
        pat_of(b"{}"),
        f"snyk_uat.a1b2c3d4.!!!.{SIGNATURE}",
        "snyk_uat.a1b2c3d4.A.sig",
        "snyk_uat.a1b2c3d4.sig",
        "snyk_uat....",
        "snyk_uat",
        jwt(h=EU),
    ],
)
def test_what_is_malformed_names_no_host(token: str) -> None:
    assert personal_hosts(token) == []


@given(
    st.one_of(
        st.text(),
        st.binary().map(pat_of),
        st.from_regex(r"snyk_[us]at(\.[!-~]{0,12}){0,5}", fullmatch=True),
        st.builds(
            lambda claims: jwt(**claims),
            st.dictionaries(
                st.sampled_from(["aud", "exp"]),
                st.recursive(st.one_of(st.text(), st.floats(), st.integers(), st.none()), st.lists),
            ),
        ),
    )
)
def test_any_text_can_be_looked_at(token: str) -> None:
    assert isinstance(jwt_hosts(token) + personal_hosts(token), list)
    assert jwt_expiry(token) is None or is_jwt(token)
