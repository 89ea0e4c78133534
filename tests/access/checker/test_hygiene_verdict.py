"""A plan of hygiene that takes something from the wrong person, or a report that makes it up, is found wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from access.checker import hygiene
from access.checker.hygiene import play_hygiene
from access.checker.referee import Violation

from groups_sdk.access import HygieneFinding
from groups_sdk.access._hygiene import checks, look
from groups_sdk.access._hygiene.planning import _Planning
from groups_sdk.access._hygiene.sources import SsoUsers
from groups_sdk.models import GroupMembership


def found(problem: str, directory: Path, seeds: Sequence[int] = range(40)) -> bool:
    """Whether that is wrong in one of these worlds."""
    for seed in seeds:
        try:
            play_hygiene(seed, directory)
        except Violation as violation:
            if problem in str(violation):
                return True
    return False


def test_who_is_exempt_or_protected_and_goes_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Planning, "_why_kept", lambda *_: None)
    assert found("which nothing that was found allows", tmp_path)


def test_who_loses_access_without_a_finding_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Planning, "_why_kept", lambda *_: None)
    monkeypatch.setattr(hygiene, "wrong_with_plan", lambda *_: ())
    assert found("who has no finding that counts", tmp_path)


def test_organizations_that_were_not_read_and_count_as_none_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody_has_any(_: Any, __: str, members: Sequence[GroupMembership], **___: Any) -> list[Any]:
        return [((), None) for _ in members]

    monkeypatch.setattr(look, "read_organizations", nobody_has_any)
    assert found("which nothing that was found allows", tmp_path)


def test_sso_users_that_were_not_read_and_count_as_deactivated_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_of_them(members: Any, sso: SsoUsers) -> list[HygieneFinding]:
        return [
            HygieneFinding(hygiene.SSO_DEACTIVATED, (member,), "made up")
            for member in members.memberships
            if sso.unread
        ]

    monkeypatch.setattr(checks, "deactivated", all_of_them)
    assert found("which nothing that was found allows", tmp_path, range(250))


def test_an_address_of_which_nobody_is_left_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Planning, "_to_change", lambda _, __, finding, ___: finding.people)
    monkeypatch.setattr(
        _Planning, "_conditions", lambda *_: iter(())
    )  # of which nobody who stays could be one
    assert found("is left as they were", tmp_path, range(250))


def test_somebody_who_is_overlooked_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Planning, "_findings", lambda _: ())
    assert found("is overlooked", tmp_path)
