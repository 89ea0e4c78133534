"""`groups-sdk review`: who is in a group, counted and listed, in files, and compared with an earlier time."""

from __future__ import annotations

import io
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from groups_sdk._terminal import printable
from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, FAILED
from groups_sdk.cli._output import Output, chosen, counted, print_records, say, stdout_is_terminal
from groups_sdk.cli._parameters import (
    CONCURRENCY,
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Option,
    existing_file,
    new_file,
)
from groups_sdk.cli._records import DIFFERENCES, differences
from groups_sdk.cli._targets import group_named

if TYPE_CHECKING:
    from groups_sdk.access import Review, ReviewDiff, ReviewStream, ReviewTotals
    from groups_sdk.models import Group

__all__ = ["review"]


@command(
    "review",
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Option(
        "--csv", metavar="FILE", type=new_file(), help="Write the members to a CSV file, for spreadsheets."
    ),
    Option("--jsonl", metavar="FILE", type=new_file(), help="Write the whole review to a file, for --since."),
    Option(
        "--html", metavar="FILE", type=new_file(), help="Write a report to read in a browser, or to print."
    ),
    Option(
        "--since",
        metavar="FILE",
        type=existing_file(),
        help="Show what has changed since the review in this file (.jsonl or .csv).",
    ),
    Option(
        "--orgs",
        is_flag=True,
        help="Read everybody's organizations too: one more request for each member. Exit code 1 if some cannot be "
        "read.",
    ),
    CONCURRENCY,
    details="""Shows totals and whom to look at, on a terminal or when it writes a file. In a pipe it prints what
--jsonl writes, so that "review > FILE" works too; with --since it prints the differences.""",
)
def review(
    connection: Connection,
    group: str | None,
    *,
    csv: Path | None,
    jsonl: Path | None,
    html: Path | None,
    since: Path | None,
    orgs: bool,
    concurrency: int,
) -> int:
    from groups_sdk.access import Review
    from groups_sdk.cli._summary import print_document, print_summary

    earlier = None if since is None else Review.read(since)
    target = group_named(connection, group)
    files = {
        kind: path for kind, path in (("csv", csv), ("jsonl", jsonl), ("html", html)) if path is not None
    }
    form = connection.options.output or (Output.TABLE if files else chosen(None))
    reporter = progress.ProgressReporter()
    stream = connection.client.access.review(
        target.id,
        org_memberships=orgs,
        concurrency=concurrency,
        on_progress=reporter,
    )
    raw = earlier is None and form in (Output.JSONL, Output.CSV)
    with reporter.shown_as("members", requests_each=1 if orgs else 0.01):
        if raw and not files and not stdout_is_terminal():
            totals = _stream_to_stdout(stream, target, form, org_memberships=orgs)
            return _code(totals)
        reviewed, totals = _carry_out(stream, files, whole=earlier is not None or form is not Output.TABLE)
    diff = None if reviewed is None or earlier is None else reviewed.diff(earlier)
    if form is Output.TABLE or reviewed is None:
        print_summary(target, totals, reviewed)
        _print_diff(diff, since)
    elif form is Output.JSON:
        print_document(reviewed, diff)
    elif diff is not None:
        print_records(DIFFERENCES, differences(diff), form)
    else:
        _write_to_stdout(reviewed, form)
    return _code(totals)


def _code(totals: ReviewTotals) -> int:
    """The exit code. When the organizations of some members could not be read, that is said on stderr."""
    if not totals.orgs_failed:
        return DONE
    print(f"the organizations of {counted(totals.orgs_failed, 'member')} could not be read", file=sys.stderr)
    return FAILED


def _carry_out(
    stream: ReviewStream, files: dict[str, Path], *, whole: bool
) -> tuple[Review | None, ReviewTotals]:
    """Write the files. Where one file is all that is wanted, members go there as they come: no review is kept."""
    if not whole and list(files) in (["csv"], ["jsonl"]):
        ((kind, path),) = files.items()
        return None, (stream.to_csv(path) if kind == "csv" else stream.to_jsonl(path))
    reviewed = stream.collect()
    for kind, path in files.items():
        {"csv": reviewed.to_csv, "jsonl": reviewed.to_jsonl, "html": reviewed.to_html}[kind](path)
    return reviewed, reviewed.totals


def _stream_to_stdout(
    stream: ReviewStream, group: Group, form: Output, *, org_memberships: bool
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
                    writer = files.jsonl_writer(sys.stdout, group, now, org_memberships=org_memberships)
                else:
                    _keep_line_ends()
                    writer = files.csv_writer(sys.stdout, org_memberships=org_memberships)
                write = stack.enter_context(writer)
            write(page.items)
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
        _keep_line_ends()
        reviewed.to_csv(sys.stdout)


def _keep_line_ends() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(newline="")  # CSV has its own


def _print_diff(diff: ReviewDiff | None, since: Path | None) -> None:
    if diff is not None:
        say(f"\nSince {printable(str(since))}:")
        for line in str(diff).splitlines():
            say(f"  {printable(line)}")
