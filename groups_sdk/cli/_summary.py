"""A review for people: how many of what, and whom to look at. And the whole of it as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from groups_sdk._pagination import DecodeProblem
from groups_sdk._terminal import printable
from groups_sdk.access import Review, ReviewDiff, ReviewedMember, ReviewTotals
from groups_sdk.cli._output import counted, json_text, print_table, record, say
from groups_sdk.cli._records import DIFFERENCES, REVIEWED, differences
from groups_sdk.models import Group

__all__ = ["print_document", "print_summary"]

_SHOWN = 10  # of each list and of the months; files have everything
_BAR = 24  # characters


def print_summary(group: Group, totals: ReviewTotals, reviewed: Review | None) -> None:
    """Print the totals and, where the review was kept, the lists of whom to look at."""
    name = group.name or (reviewed.group.name if reviewed else None) or group.id
    facts = [counted(totals.members, "member"), counted(totals.admins, "admin")]
    facts.append(f"{totals.not_on_sso:,} not on SSO")
    if totals.login_method_unknown:
        facts.append(f"login method unknown for {totals.login_method_unknown:,}")
    if totals.in_no_org is not None:
        facts.append(f"{totals.in_no_org:,} in no organization")
    if totals.orgs_unknown:
        facts.append(f"organizations unknown for {totals.orgs_unknown:,}")
    if totals.unreadable:
        facts.append(f"{counted(totals.unreadable, 'record')} not readable")
    say(printable(f"{name}: {', '.join(facts)}"))
    _print_counts("ROLE", totals.by_role)
    _print_counts("LOGIN", totals.by_login_method)
    months = dict(list(totals.by_joining_month.items())[-_SHOWN:])
    _print_counts("JOINED", months)
    if reviewed is None:
        say("\nAdmins and members who are not on SSO are listed with --html or --xlsx, or without a file.")
    else:
        _print_members("ADMINS", reviewed.admins)
        _print_members("NOT ON SSO", reviewed.not_on_sso)
        _print_members("IN NO ORGANIZATION", reviewed.in_no_org or ())
        _print_members("ORGANIZATIONS UNKNOWN", reviewed.orgs_unknown or ())
        _print_unreadable(reviewed.unreadable)


def print_document(reviewed: Review, diff: ReviewDiff | None) -> None:
    """Print the review as one JSON document."""
    document = {
        "group": {"id": reviewed.group.id, "name": reviewed.group.name},
        "reviewed_at": reviewed.reviewed_at.isoformat() if reviewed.reviewed_at else None,
        "totals": attrs.asdict(reviewed.totals),
        "members": [record(REVIEWED, member) for member in reviewed.members],
    }
    if reviewed.unreadable:
        document["unreadable"] = [
            {"id": problem.id, "path": problem.path, "message": problem.message}
            for problem in reviewed.unreadable
        ]
    if diff is not None:
        document["differences"] = [record(DIFFERENCES, difference) for difference in differences(diff)]
    say(json_text(document, indent=2))


def _print_counts(head: str, counts: Mapping[str, int]) -> None:
    if not counts:
        return
    most = max(counts.values())
    rows = [(name, f"{number:,}", "#" * max(1, _BAR * number // most)) for name, number in counts.items()]
    say("")
    print_table([head, "MEMBERS", ""], rows, ["", "bold", "cyan"])


def _print_unreadable(problems: Sequence[DecodeProblem]) -> None:
    if problems:
        say("")
        rows = [(problem.id or "-", problem.path, problem.message) for problem in problems[:_SHOWN]]
        print_table(["NOT READABLE", "PLACE", "PROBLEM"], rows, [""] * 3)
    if len(problems) > _SHOWN:
        say(f"... and {len(problems) - _SHOWN:,} more: --csv, --jsonl, --html and --xlsx have them all")


def _print_members(head: str, members: Sequence[ReviewedMember]) -> None:
    if not members:
        return
    rows = []
    for member in members[:_SHOWN]:
        m = member.membership
        rows.append((m.user.email or "-", m.user.name or "-", m.role.name or "-", m.user.login_method or "-"))
    say("")
    print_table([head, "NAME", "ROLE", "LOGIN"], rows, [""] * 4)
    if len(members) > _SHOWN:
        say(f"... and {len(members) - _SHOWN:,} more: --csv, --jsonl, --html and --xlsx have everybody")
