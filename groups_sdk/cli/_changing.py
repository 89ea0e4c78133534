"""The commands that change something: each shows what it will do, asks, does it, and says what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._confirm import confirm, require_somebody
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exits import DONE, FAILED, NOT_FOUND, CommandError
from groups_sdk.cli._output import Output, chosen, counted, print_records, say
from groups_sdk.cli._parameters import (
    AllowLastAdmin,
    AllowSelf,
    Cascade,
    Concurrency,
    DryRun,
    GroupOption,
    Me,
    Yes,
)
from groups_sdk.cli._records import OFFBOARDING, PENDING
from groups_sdk.cli._targets import group_named, member_named
from groups_sdk.models import Group, GroupMembership

if TYPE_CHECKING:
    from groups_sdk.access import Change, OffboardingReport

__all__ = ["apply", "offboard", "plan", "remove", "set_role"]

_CASCADE = "give --cascade, which takes the memberships of the organizations below too, or --no-cascade, which does not"


def set_role(
    connection: Connection,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="The role, by name or id.")],
    people: Annotated[
        list[str], typer.Argument(metavar="PERSON...", help="Who gets it, by email, username or user id.")
    ],
    group: GroupOption = None,
    me: Me = None,
    allow_last_admin: AllowLastAdmin = False,
    allow_self: AllowSelf = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Give members of a group another role.

    A role that no member has yet must be given by its id.
    """
    from groups_sdk.cli._carrying_out import carry_out, unchanged

    require_somebody(yes=yes, dry_run=dry_run)
    target = group_named(connection, group)
    members = _members(connection, target, people)
    made = connection.client.access.plan(target.id, {member.user.id: role for member in members})
    if made.creates:
        raise CommandError("one of them has left the group meanwhile: nothing was changed", FAILED)
    changes = connection.client.access.apply(
        made,
        me=me,
        allow_last_admin=allow_last_admin,
        allow_self=allow_self,
        concurrency=concurrency,
        on_progress=(told := progress.Told()),
    )
    settled = unchanged(made)
    return carry_out(connection, target, changes, told, settled=settled, yes=yes, dry_run=dry_run)


def remove(
    connection: Connection,
    people: Annotated[
        list[str], typer.Argument(metavar="PERSON...", help="Who goes, by email, username or user id.")
    ],
    group: GroupOption = None,
    cascade: Cascade = None,
    me: Me = None,
    allow_last_admin: AllowLastAdmin = False,
    allow_self: AllowSelf = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Remove members from a group."""
    from groups_sdk.cli._carrying_out import carry_out, organizations_that_go, removal_of

    if cascade is None:
        raise CommandError(_CASCADE)
    require_somebody(yes=yes, dry_run=dry_run)
    target = group_named(connection, group)
    members = _members(connection, target, people)
    changes = connection.client.access.apply(
        removal_of(target, members),
        cascade=cascade,
        me=me,
        allow_last_admin=allow_last_admin,
        allow_self=allow_self,
        concurrency=concurrency,
        on_progress=(told := progress.Told()),
    )
    of = {member.id: member for member in members}

    def describe(change: Change) -> str:
        member = of[change.membership_id or ""]
        return f"{change}{organizations_that_go(connection, target, member) if cascade else ''}"

    return carry_out(connection, target, changes, told, describe, yes=yes, dry_run=dry_run)


def plan(
    connection: Connection,
    desired: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Who shall have which role: CSV with the columns email or user_id, and role; or JSON.",
        ),
    ],
    group: GroupOption = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Members that the file does not mention are to be removed.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Where to write the plan, for apply."),
    ] = None,
) -> int:
    """Show what would have to change for a group to be as a file says. Nothing is changed."""
    from groups_sdk.cli._carrying_out import note

    target = group_named(connection, group)
    made = connection.client.access.plan(target.id, desired, prune=prune)
    if save is not None:
        save.write_text(made.to_json() + "\n", encoding="utf-8")
    form = chosen(connection.options.output)
    if form is Output.TABLE:
        say(str(made))
    elif form is Output.JSON:
        say(made.to_json())
    else:
        print_records(PENDING, made.changes, form)
        for missing in made.not_in_snyk:
            note(f"{missing.who} cannot be added as {missing.role}: {missing.reason}")
        for remark in made.notes:
            note(remark)
    return DONE


def apply(
    connection: Connection,
    file: Annotated[
        Path, typer.Argument(metavar="PLAN", exists=True, dir_okay=False, help="What plan --save wrote.")
    ],
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            show_default=False,
            help="Where every change is noted before and after it, so that the same command goes on after an "
            "interruption; PLAN.journal unless given (none with --fake).",
        ),
    ] = None,
    cascade: Cascade = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Change nothing at all when a member is not as the plan saw them."),
    ] = False,
    me: Me = None,
    allow_last_admin: AllowLastAdmin = False,
    allow_self: AllowSelf = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Carry out a plan, or what is left of it."""
    from groups_sdk.access import Plan
    from groups_sdk.cli._carrying_out import carry_out

    made = Plan.from_json(file.read_text(encoding="utf-8"))
    if made.removals and cascade is None:
        raise CommandError(f"the plan removes members: {_CASCADE}")
    require_somebody(yes=yes, dry_run=dry_run)
    if journal is None and not connection.options.fake:
        journal = file.with_name(f"{file.name}.journal")
    if journal is not None and dry_run and not journal.exists():
        journal = None  # looking leaves no file behind
    changes = connection.client.access.apply(
        made,
        journal=journal,
        cascade=cascade,
        me=me,
        allow_last_admin=allow_last_admin,
        allow_self=allow_self,
        strict=strict,
        concurrency=concurrency,
        on_progress=(told := progress.Told()),
    )
    return carry_out(connection, made.group, changes, told, yes=yes, dry_run=dry_run)


def offboard(
    connection: Connection,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The person's email address.")],
    cascade: Cascade = None,
    allow_last_admin: AllowLastAdmin = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Remove a person from every group that the token sees."""
    from groups_sdk.access import OffboardingStatus
    from groups_sdk.cli._carrying_out import note

    if cascade is None:
        raise CommandError(_CASCADE)
    require_somebody(yes=yes, dry_run=dry_run)
    output = connection.options.output

    def run(*, dry: bool) -> OffboardingReport:
        told = progress.Told()
        work = connection.client.access.offboard(
            email,
            cascade=cascade,
            dry_run=dry,
            allow_last_admin=allow_last_admin,
            concurrency=concurrency,
            on_progress=told,
        )
        try:
            with told.shown_as("groups"):
                return work.collect()
        except BaseException:
            if not dry:
                print_records(OFFBOARDING, work.outcomes, output)
                note(f"stopped: {counted(len(work.pending), 'group')} not begun")
            raise

    report = run(dry=True)
    going = report.of(OffboardingStatus.WOULD_REMOVE)
    if going and not dry_run:
        below = "and from the organizations below" if cascade else "but not from the organizations below"
        question = f"Remove {email} from {counted(len(going), 'group')}, {below}?"
        confirm(question, [str(result) for result in going], yes=yes)
        report = run(dry=False)
    elif dry_run:
        note("dry run: nothing was changed")
    print_records(OFFBOARDING, report.groups, output, noun="group")
    if report.complete and not report.found:
        raise CommandError(f"{email!r} is a member of no group that the token sees", NOT_FOUND)
    return DONE if report.complete else FAILED


def _members(connection: Connection, group: Group, people: Sequence[str]) -> list[GroupMembership]:
    """All of them, each once; or an error, when one is no member."""
    found: dict[str, GroupMembership] = {}
    with progress.bar("people") as advance:
        for number, person in enumerate(people, 1):
            member = member_named(connection, group, person)
            found[member.id] = member
            advance(number, len(people))
    return list(found.values())
