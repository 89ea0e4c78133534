"""`groups-sdk hygiene`: what is wrong with the members of a group, and what a policy makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DIFFERENT, DONE, FAILED, CommandError
from groups_sdk.cli._guards import guards
from groups_sdk.cli._output import Output, counted, json_text, note, print_records, say, stdout_is_terminal
from groups_sdk.cli._parameters import (
    ADMIN_ROLES,
    ALLOW_LAST_ADMIN,
    ALLOW_SELF,
    CONCURRENCY,
    GROUP_ARGUMENT,
    GROUP_OPTION,
    ME,
    PROTECT,
    Option,
    existing_file,
)
from groups_sdk.cli._plans import SAVE, check_save, show_plan
from groups_sdk.cli._records import FINDINGS
from groups_sdk.cli._streams import read_once
from groups_sdk.cli._targets import group_named

if TYPE_CHECKING:
    from groups_sdk.access import HygienePolicy, HygieneReport

__all__ = ["hygiene"]


@command(
    "hygiene",
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Option(
        "--policy",
        metavar="FILE",
        type=existing_file(dash=True),
        help="Plan what this policy (YAML or JSON) says about the findings; - for standard input.",
    ),
    SAVE,
    Option(
        "--orgs",
        is_flag=True,
        help="Also find members in no organization: one more request for each member. A policy that speaks of them "
        "needs no --orgs.",
    ),
    Option(
        "--max-removals",
        type=click.IntRange(min=0),
        metavar="N",
        help="How many members --policy may remove. Default: a tenth of them, at least 3, at most 50.",
    ),
    CONCURRENCY,
    ME,
    PROTECT,
    ADMIN_ROLES,
    ALLOW_SELF,
    ALLOW_LAST_ADMIN,
    Option(
        "--exit-code",
        is_flag=True,
        help="Exit with code 5 when something was found (hints do not count); with --policy, when there are changes.",
    ),
    Option(
        "--output",
        "-o",
        type=click.Choice(["table", "json", "jsonl", "csv", "markdown"], case_sensitive=False),
        help="Output format; markdown is for an issue or a pull request. With --policy, json is what --save writes. "
        "Default: table on a terminal, jsonl otherwise.",
    ),
    details="""Finds members who do not log in by SSO, whose SSO user is deactivated, or who are in no organization
(--orgs), several accounts under one address, and roles that one member alone has. Nothing is changed: with --policy
it shows a plan; save it with --save, and give it to apply. What cannot be read is said, and is never planned. Exit
code 1 when not everything could be read.""",
    examples=(
        "groups-sdk hygiene Engineering --orgs",
        "groups-sdk hygiene Engineering --policy hygiene.json --save cleanup.json",
        "groups-sdk hygiene Engineering --output markdown",
    ),
)
def hygiene(
    connection: Connection,
    group: str | None,
    *,
    policy: Path | None,
    save: Path | None,
    orgs: bool,
    max_removals: int | None,
    concurrency: int,
    exit_code: bool,
    output: str | None,
    **given: Any,
) -> int:
    if policy is None and (save is not None or max_removals is not None):
        raise CommandError("--save and --max-removals need --policy: without one, nothing is planned")
    rules = None if policy is None else _read(policy)
    check_save(save)
    target = group_named(connection, group)
    orgs = orgs or (rules is not None and _asks_for_orgs(rules))
    reporter = progress.ProgressReporter()
    with reporter.shown_as("members", requests_each=1 if orgs else 0.01):
        report = connection.client.access.hygiene(
            target.id, org_memberships=orgs, concurrency=concurrency, on_progress=reporter
        )
    form = (output or ("table" if stdout_is_terminal() else "jsonl")).lower()
    if rules is None:
        _show_report(report, form)
        if _failed(report):
            return FAILED
        found = any(not finding.hint for finding in report.findings)
        return DIFFERENT if exit_code and found else DONE
    made = report.plan(rules, max_removals=max_removals, **guards(given))
    if form in ("table", "markdown"):
        _show_report(report, form)
        say("")
    code = show_plan(made, save, form, exit_code=exit_code)
    return FAILED if _failed(report) else code


def _read(file: Path) -> HygienePolicy:
    from groups_sdk.access import HygienePolicy

    return HygienePolicy.read(read_once(file))


def _asks_for_orgs(policy: HygienePolicy) -> bool:
    from groups_sdk.access import HygieneCheck

    return HygieneCheck.IN_NO_ORG in policy.rules


def _failed(report: HygieneReport) -> bool:
    return report.gap is not None or any(unknown.failed for unknown in report.unknown)


def _show_report(report: HygieneReport, form: str) -> None:
    """The report. Where its form has findings only, what is not known follows on stderr."""
    if form == "markdown":
        say(report.to_markdown().rstrip("\n"))
    elif form == "table":
        say(str(report))
    elif form == "json":
        say(json_text(report.to_dict(), indent=1))
    else:
        rows = [(finding, member) for finding in report.findings for member in finding.people]
        print_records(FINDINGS, rows, Output(form))
        if report.gap is not None:
            note(f"not complete: {report.gap}")
        for unknown in report.unknown:
            note(f"{unknown.check}: not known: {unknown}")
        note(f"{counted(len(report.members), 'member')}, {counted(len(report.findings), 'finding')}")
