"""A report of hygiene as text for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from groups_sdk._terminal import printable
from groups_sdk.access._hygiene.findings import HygieneCheck, HygieneFinding
from groups_sdk.access._markdown import code, folded_list, folded_table
from groups_sdk.access._people import described

if TYPE_CHECKING:
    from groups_sdk.access._hygiene.report import HygieneReport

__all__ = ["markdown_lines", "text_lines"]

_SHOWN = 50  # rows, before the rest is folded up
_NOT_LOOKED_AT = "not looked at, because organizations were not asked for"
_WHAT = {
    HygieneCheck.NOT_ON_SSO: "members who do not log in by SSO",
    HygieneCheck.SSO_DEACTIVATED: "members whose SSO user is deactivated",
    HygieneCheck.IN_NO_ORG: "members in no organization",
    HygieneCheck.SHARED_ADDRESS: "addresses of several accounts",
    HygieneCheck.SOLE_ROLE: "roles that one member alone has",
}


def text_lines(report: HygieneReport) -> Iterator[str]:
    """The report for a terminal: nothing of the API's can move its cursor."""
    name = printable(report.group.name or "-")
    yield f"Hygiene of {name} ({report.group.id}), looked at {report.looked_at:%Y-%m-%d %H:%M} UTC"
    if report.gap is not None:
        yield printable(f"  ! not complete: {report.gap}")
    for check in HygieneCheck:
        yield f"{check}: {_result(report, check)}"
        for finding in report.of(check):
            yield f"  {finding}"
        for unknown in report.unknown:
            if unknown.check is check:
                yield f"  ? not known: {unknown}"
    yield report.summary()


def markdown_lines(report: HygieneReport) -> Iterator[str]:
    """The report as Markdown."""
    yield f"## Hygiene of {code(report.group.name or report.group.id)} ({code(report.group.id)})"
    yield ""
    yield f"**{report.summary()}**"
    yield ""
    yield f"Looked at {report.looked_at:%Y-%m-%d %H:%M} UTC, {code(report.base_url)}"
    if report.gap is not None:
        yield ""
        yield f"Not complete: {code(report.gap)}"
    for check in HygieneCheck:
        yield from ("", f"### {check}", "", _result(report, check))
        findings = report.of(check)
        if findings:
            heads = ["people", "role", "evidence", "not known"]
            yield ""
            yield from folded_table(heads, [*map(_row, findings)], _SHOWN)
        unknown = [f"not known: {code(str(one))}" for one in report.unknown if one.check is check]
        if unknown:
            yield ""
            yield from folded_list(unknown, _SHOWN)


def _result(report: HygieneReport, check: HygieneCheck) -> str:
    """What a check looks for, and how much of it there is."""
    if check is HygieneCheck.IN_NO_ORG and not report.org_memberships:
        return _NOT_LOOKED_AT
    hints = sum(finding.hint for finding in report.of(check))
    found = f"{_WHAT[check]}: {len(report.of(check)) - hints:,}"
    return f"{found}, and hints: {hints:,}" if hints else found


def _row(finding: HygieneFinding) -> list[str]:
    hint = "hint: " if finding.hint else ""
    return [
        ", ".join(code(described(member)) for member in finding.people),
        ", ".join(code(member.role.name or member.role.id) for member in finding.people),
        hint + code(finding.evidence),
        "; ".join(map(code, finding.not_known)) or "-",
    ]
