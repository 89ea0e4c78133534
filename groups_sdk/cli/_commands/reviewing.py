"""`groups-sdk review`: who is in a group, counted and listed, in files, and compared with an earlier time."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groups_sdk._terminal import printable
from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DIFFERENT, DONE, FAILED, CommandError
from groups_sdk.cli._output import (
    Output,
    chosen,
    counted,
    keep_line_ends,
    note,
    print_records,
    say,
    stdout_is_terminal,
)
from groups_sdk.cli._parameters import (
    CONCURRENCY,
    EXIT_CODE,
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Option,
    existing_file,
    new_file,
)
from groups_sdk.cli._records import DIFFERENCES, differences
from groups_sdk.cli._streams import STREAM
from groups_sdk.cli._targets import group_named

if TYPE_CHECKING:
    from groups_sdk._sync.client import GroupsClient
    from groups_sdk.access import Review, ReviewDiff, ReviewStream, ReviewTotals
    from groups_sdk.models import Group

__all__ = ["review"]


@command(
    "review",
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Option(
        "--csv",
        metavar="FILE",
        type=new_file(dash=True),
        help="Write the members, for spreadsheets; - for stdout.",
    ),
    Option(
        "--jsonl",
        metavar="FILE",
        type=new_file(dash=True),
        help="Write the whole review, to keep and to compare with later (--since); - for stdout.",
    ),
    Option(
        "--html",
        metavar="FILE",
        type=new_file(dash=True),
        help="Write a report to read in a browser or to print; - for stdout.",
    ),
    Option(
        "--xlsx", metavar="FILE", type=new_file(), help='Write an Excel workbook. Needs the extra "xlsx".'
    ),
    Option(
        "--since",
        metavar="FILE",
        type=existing_file(),
        help="Show what has changed since the review in this file (.jsonl or .csv).",
    ),
    Option("--prepared-by", metavar="NAME", help="Who made this review, for --html and --xlsx."),
    Option(
        "--sign-off",
        is_flag=True,
        help="Add columns for decision, reviewer and comment, and a place to sign, to --html and --xlsx.",
    ),
    Option(
        "--orgs",
        is_flag=True,
        help="Read everybody's organizations too: one more request for each member. Exit code 1 if some cannot be "
        "read.",
    ),
    CONCURRENCY,
    EXIT_CODE,
    details="""Shows totals and whom to look at, on a terminal or when it writes a file. In a pipe it prints what
--jsonl writes, so that "review > FILE" works too; with --since it prints the differences.""",
    examples=(
        'groups-sdk review Engineering --html review.html --sign-off --prepared-by "Ada Ahmed"',
        "groups-sdk review Engineering --jsonl 2025-11.jsonl",
        "groups-sdk review Engineering --since 2025-11.jsonl --exit-code",
    ),
)
def review(
    connection: Connection,
    group: str | None,
    *,
    since: Path | None,
    prepared_by: str | None,
    sign_off: bool,
    orgs: bool,
    concurrency: int,
    exit_code: bool,
    **paths: Path | None,
) -> int:
    from groups_sdk.access import Review
    from groups_sdk.cli._summary import print_document, print_summary

    if exit_code and since is None:
        raise CommandError("--exit-code needs --since")
    files = {kind: path for kind, path in paths.items() if path is not None}
    if (prepared_by or sign_off) and not {"html", "xlsx"} & {*files}:
        raise CommandError("--prepared-by and --sign-off are for --html and --xlsx")
    streamed = _check_files(files)
    earlier = None if since is None else Review.read(since)
    target = group_named(connection, group)
    form = Output(streamed) if streamed in ("csv", "jsonl") else connection.options.output
    form = form or (Output.TABLE if files else chosen(None))
    reporter = progress.ProgressReporter()
    stream = connection.client.access.review(
        target.id,
        org_memberships=orgs,
        concurrency=concurrency,
        on_progress=reporter,
    )
    raw = earlier is None and streamed != "html" and form in (Output.JSONL, Output.CSV)
    with reporter.shown_as("members", requests_each=1 if orgs else 0.01):
        if raw and not files and not stdout_is_terminal():
            return _code(_stream_to_stdout(stream, target, form, connection.client, org_memberships=orgs))
        whole = earlier is not None or streamed is not None or form is not Output.TABLE
        reviewed, totals = _write_files(
            stream, files, whole=whole, since=earlier, prepared_by=prepared_by, sign_off=sign_off
        )
    for path in files.values():
        note(f"{path}: {counted(totals.members, 'member')}")
    diff = None if reviewed is None or earlier is None else reviewed.diff(earlier)
    if streamed == "html" and reviewed is not None:
        reviewed.to_html(sys.stdout, since=earlier, prepared_by=prepared_by, sign_off=sign_off)
    elif form is Output.TABLE or reviewed is None:
        print_summary(target, totals, reviewed)
        _print_diff(diff, since)
    elif form is Output.JSON:
        print_document(reviewed, diff)
    elif diff is not None and streamed is None:
        print_records(DIFFERENCES, differences(diff), form)
    else:
        _write_to_stdout(reviewed, form)
    code = _code(totals)
    return DIFFERENT if code == DONE and exit_code and diff is not None and not diff.empty else code


def _check_files(files: dict[str, Path]) -> str | None:
    """Take the kind that goes to stdout out of the files, and return it. What cannot be written is an error."""
    from groups_sdk.access._review.xlsx import imported_xlsxwriter
    from groups_sdk.access._writing import check_writable

    streamed = [kind for kind, path in files.items() if path == STREAM]
    if len(streamed) > 1:
        raise CommandError(
            f"only one of {' and '.join(f'--{kind}' for kind in streamed)} can go to standard output"
        )
    for kind in streamed:
        del files[kind]
    if "xlsx" in files:
        imported_xlsxwriter(files["xlsx"])
    if len({path.absolute() for path in files.values()}) < len(files):
        raise CommandError("two reports would be written to the same file")
    for path in files.values():
        check_writable(path)
    return streamed[0] if streamed else None


def _code(totals: ReviewTotals) -> int:
    """The exit code. What could not be read is said on stderr."""
    if totals.unreadable:
        records = counted(totals.unreadable, "record")
        note(f"{records} could not be read: the review is not complete, and says which")
    if totals.orgs_failed:
        note(f"the organizations of {counted(totals.orgs_failed, 'member')} could not be read")
    return FAILED if totals.unreadable or totals.orgs_failed else DONE


def _write_files(
    stream: ReviewStream, files: dict[str, Path], *, whole: bool, **report: Any
) -> tuple[Review | None, ReviewTotals]:
    """Write the files. Where one file is all that is wanted, members go there as they come: no review is kept."""
    if not whole and list(files) in (["csv"], ["jsonl"]):
        ((kind, path),) = files.items()
        return None, (stream.to_csv(path) if kind == "csv" else stream.to_jsonl(path))
    reviewed = stream.collect()
    writers: dict[str, Callable[[Path], object]] = {
        "csv": reviewed.to_csv,
        "jsonl": reviewed.to_jsonl,
        "html": partial(reviewed.to_html, **report),
        "xlsx": partial(reviewed.to_xlsx, **report),
    }
    for kind, path in files.items():
        writers[kind](path)
    return reviewed, reviewed.totals


def _stream_to_stdout(
    stream: ReviewStream, group: Group, form: Output, client: GroupsClient, *, org_memberships: bool
) -> ReviewTotals:
    """Write the members page by page, on this thread: while a pipe is full, nothing else waits, nor does Ctrl-C."""
    from groups_sdk.access._review import files
    from groups_sdk.access._review.member import Tally

    now = datetime.now(UTC).replace(microsecond=0)
    tally = Tally()
    write: files.Write | None = None
    with ExitStack() as stack:
        for page in stream.listing().pages():
            if write is None:  # the first request was answered
                if form is Output.JSONL:
                    writer = files.jsonl_writer(
                        sys.stdout,
                        group,
                        now,
                        org_memberships=org_memberships,
                        base_url=client.base_url,
                        api_version=client.api_version,
                    )
                else:
                    keep_line_ends()
                    writer = files.csv_writer(sys.stdout, group, org_memberships=org_memberships)
                write = stack.enter_context(writer)
            write(page.items, page.problems)
            tally.unreadable += len(page.problems)
            for member in page.items:
                tally.add(member)
    return tally.totals(org_memberships=org_memberships)


def _write_to_stdout(reviewed: Review, form: Output) -> None:
    if form is Output.JSONL:
        reviewed.to_jsonl(sys.stdout)
    elif stdout_is_terminal():
        text = io.StringIO(newline="")
        reviewed.to_csv(text)
        for line in text.getvalue().removesuffix("\r\n").split("\r\n"):
            say(printable(line))
    else:
        keep_line_ends()
        reviewed.to_csv(sys.stdout)


def _print_diff(diff: ReviewDiff | None, since: Path | None) -> None:
    if diff is not None:
        say(f"\nSince {printable(str(since))}:")
        for line in str(diff).splitlines():
            say(f"  {printable(line)}")
