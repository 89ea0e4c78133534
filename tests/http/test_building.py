"""URLs that are put together are those that the HTTP library would have read."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import httpx
import hypothesis
import hypothesis.strategies as st
import pytest

from groups_sdk._http.building import located

BASES = ["https://api.snyk.io/rest", "http://[::1]:80/rest", "https://b\xfccher.example:8443/a%20b/rest"]
GROUP = "11111111-1111-4111-8111-111111111111"


@hypothesis.given(
    base=st.sampled_from(BASES),
    path=st.lists(st.text("aZ9-_.~%:@ /\xe9\n", max_size=8), max_size=4),
    query=st.dictionaries(st.text("a_ ", min_size=1), st.text(), min_size=1, max_size=3),
)
def test_whatever_is_in_them(base: str, path: list[str], query: dict[str, str]) -> None:
    for parts in (path, [quote(part, safe="") for part in path]):
        target = "".join(f"/{part}" for part in parts)
        try:
            target += f"?{urlencode(query, quote_via=quote)}"
        except UnicodeEncodeError:  # half of a surrogate pair
            hypothesis.reject()
        try:
            wanted = httpx.URL(f"{base}{target}")
        except httpx.InvalidURL:
            with pytest.raises(httpx.InvalidURL):
                located(httpx.URL(base), target)
            continue
        got = located(httpx.URL(base), target)
        assert (got, str(got), got.raw_path) == (wanted, str(wanted), wanted.raw_path)
        assert (got.raw_scheme, got.netloc, got.path) == (wanted.raw_scheme, wanted.netloc, wanted.path)


def test_one_with_nothing_unusual_in_it_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    base = httpx.URL(BASES[0])
    monkeypatch.delattr(httpx, "URL")
    url = located(
        base, f"/groups/{GROUP}/memberships?limit=100&starting_after=v1.a%2Bb%3D&version=2025-11-05"
    )
    assert str(url).startswith(f"{BASES[0]}/groups/{GROUP}/memberships?limit=100&starting_after=v1.a%2Bb%3D&")
