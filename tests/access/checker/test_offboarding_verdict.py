"""What is said of people who leave is found wrong where it is."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from access.checker import offboarding
from access.checker.history import History
from access.checker.offboarding import play_offboarding
from access.checker.referee import Violation

from groups_sdk import OffboardingReport, OffboardingStatus
from groups_sdk.access import Outcome
from groups_sdk.access._offboarding import report
from groups_sdk.access._offboarding.offboarding import OffboardingWork
from groups_sdk.access._offboarding.removals import AccountRemovals


def _found(directory: Path, *seeds: int) -> str:
    """All that is wrong in some worlds."""
    problems = []
    for seed in seeds or range(6):
        try:
            play_offboarding(seed, directory)
        except Violation as violation:
            problems.append(str(violation))
    return "\n".join(problems)


def test_a_dry_run_that_removes_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = OffboardingWork.__init__

    def wet(self: OffboardingWork, *args: object, **options: object) -> None:
        honest(self, *args, **{**options, "dry_run": False})  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(OffboardingWork, "__init__", wet)
    assert "is dry, and sent" in _found(tmp_path, 27, 54, 58, 66, 75)


def test_a_report_that_is_always_complete_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OffboardingReport, "complete", property(lambda self: True))
    found = _found(tmp_path, 2, 10, 17, 27, 58, 77)
    assert "is complete, and" in found
    assert "is dry, and complete" in found


def test_a_cascade_that_nobody_wants_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = AccountRemovals.begin_with

    def turned(self: AccountRemovals, look: object) -> None:
        self.cascade = not self.cascade
        honest(self, look)  # type: ignore[arg-type]  # passed on as it is

    monkeypatch.setattr(AccountRemovals, "begin_with", turned)
    assert "sent something else" in _found(tmp_path)


def test_a_report_that_leaves_people_out_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = OffboardingWork.report

    def silent(self: OffboardingWork, results: list[report.OffboardingResult]) -> OffboardingReport:
        told = honest(self, results)
        return attrs.evolve(told, results=tuple(r for r in told.results if r.membership is None))

    monkeypatch.setattr(OffboardingWork, "report", silent)
    assert "says nothing of" in _found(tmp_path)


def test_a_claim_that_is_not_true_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = offboarding._outcome

    def boasting(result: report.OffboardingResult, number: int, history: History) -> Outcome:
        return honest(attrs.evolve(result, status=OffboardingStatus.REMOVED), number, history)

    monkeypatch.setattr(offboarding, "_outcome", boasting)
    assert "nothing was sent that made it as wanted" in _found(tmp_path)
