"""A review as one self-contained page: no network, no script but its own, and every value escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources

from groups_sdk._pagination import DecodeProblem
from groups_sdk._terminal import printable
from groups_sdk.access._review.audit_report import (
    SIGN_OFF_COLUMNS,
    SIGNATURE_LINES,
    SORTED,
    SSO_WORDS,
    AuditReport,
    Since,
    login_of,
    role_of,
)
from groups_sdk.access._review.member import UNKNOWN, ReviewedMember

__all__ = ["html_lines"]

# The columns and their share of the width. The script takes the headings' texts for the names of the columns.
_MEMBER_COLUMNS = {
    "Name": 16,
    "Email": 25,
    "Username": 25,
    "Role": 13,
    "Login method": 9,
    "Member since": 11,
    "SSO": 6,
}
_ROWS = 100  # in each body of a table; the style reckons with it
_ORGS_WIDTH = 26
_SIGN_OFF_WIDTHS = (8, 11, 17)
_CHANGE_COLUMNS = {"Name": 16, "Email": 25, "Username": 25, "What changed": 40}


def html_lines(report: AuditReport) -> Iterator[str]:
    """The page, in pieces. Admins come first, then everybody by email address."""
    yield from _head(report)
    yield f"<h1><bdi>{_shown(report.title)}</bdi></h1>\n"
    yield from _definitions("facts", {n: f"<bdi>{_shown(text)}</bdi>" for n, text in report.facts.items()})
    yield from _definitions("figures", {name: f"{figure:,}" for name, figure in report.figures.items()})
    yield from _unreadable(report.unreadable)
    yield from _totals(report)
    if report.since is not None:
        yield from _changes(report.since)
    admins = [member for member in report.members if member.is_admin]
    yield from _list("admins", "Admins", admins)
    not_on_sso = [member for member in report.members if member.sso is False]
    note = ""
    if report.totals.login_method_unknown:
        note = f"Not listed here: {report.totals.login_method_unknown:,} whose login method is unknown."
    yield from _list("not-on-sso", "Not on SSO", not_on_sso, note)
    yield from _all_members(report)
    if report.sign_off:
        yield '<section class="signatures">\n<h2>Sign-off</h2>\n'
        yield "<p>I have reviewed the access listed in this report.</p>\n"
        yield f"<div>{''.join(f'<span>{line}</span>' for line in SIGNATURE_LINES)}</div>\n</section>\n"
    yield f"<script>{_asset('page.js')}</script>\n</body>\n</html>\n"


def _head(report: AuditReport) -> Iterator[str]:
    """With a policy by which nothing is loaded, and nothing runs but what stands in this page."""
    style, script, layout = _asset("page.css"), _asset("page.js"), _layout(report)
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}' '{_digest(layout)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_shown(report.title)}</title>\n<style>{style}</style>\n<style>{layout}</style>\n</head>\n<body>\n"
    )


def _layout(report: AuditReport) -> str:
    """The widths of the columns on a screen, and the paper, with what stands at the foot of each page.

    Chromium prints the latter from 131 on. Other browsers print the page's title, which has the group and the date,
    when they are asked for headers.
    """
    tables = {"some": _MEMBER_COLUMNS, "all": _all_columns(report), "changes": _CHANGE_COLUMNS}
    columns = {
        kind: " ".join(f"minmax(0, {share}fr)" for share in widths.values())
        for kind, widths in tables.items()
    }
    grids = "".join(
        f".list.{kind} tr {{ grid-template-columns: {widths}; }}\n" for kind, widths in columns.items()
    )
    font = "font: 7pt system-ui, sans-serif; color: #444;"
    return (
        f"{grids}@page {{ size: landscape; margin: 10mm 10mm 13mm;\n"
        f"@bottom-left {{ content: {_css_text(f'Group {report.name}')}; {font} }}\n"
        f"@bottom-center {{ content: {_css_text('Reviewed: ' + report.facts['Reviewed'])}; {font} }}\n"
        f'@bottom-right {{ content: "Page " counter(page) " of " counter(pages); {font} }} }}'
    )


def _css_text(text: str, most: int = 80) -> str:
    """A string of CSS in which only letters and digits of ASCII stand for themselves."""
    text = printable(text)
    text = text if len(text) <= most else f"{text[: most - 3]}..."
    escaped = (c if c.isascii() and c.isalnum() else rf"\{ord(c):x} " for c in text)
    return f'"{"".join(escaped)}"'


def _definitions(kind: str, entries: Mapping[str, str]) -> Iterator[str]:
    yield f'<dl class="{kind}">\n'
    for name, content in entries.items():
        yield f"<div><dt>{name}</dt><dd>{content}</dd></div>\n"
    yield "</dl>\n"


def _totals(report: AuditReport) -> Iterator[str]:
    breakdowns = report.breakdowns
    sums = [f"{title[0].lower()}{title[1:]} {sum(counts.values()):,}" for title, counts in breakdowns.items()]
    yield f"<h2>Totals</h2>\n<p>Members {report.totals.members:,} = {' = '.join(sums)}</p>\n"
    yield '<div class="charts">\n'
    for title, counts in breakdowns.items():
        yield f'<section>\n<h3>{title}</h3>\n<table class="chart">\n<tbody>\n'
        most = max(counts.values(), default=0) or 1
        for name, count in counts.items():
            yield (
                f"<tr><td>{_shown(name)}</td><td>{count:,}</td>"
                '<td><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
                f'<rect width="{100 * count / most:.1f}" height="8"></rect></svg></td></tr>\n'
            )
        yield f"</tbody>\n<tfoot><tr><td>Sum</td><td>{sum(counts.values()):,}</td><td></td></tr></tfoot>\n"
        yield "</table>\n</section>\n"
    yield "</div>\n"


def _unreadable(problems: Sequence[DecodeProblem]) -> Iterator[str]:
    if not problems:
        return
    yield f'<section id="unreadable">\n<h2>Records that could not be read ({len(problems):,})</h2>\n<ul>\n'
    yield from (f'<li class="warn">{_shown(str(problem))}</li>\n' for problem in problems)
    yield "</ul>\n</section>\n"


def _changes(since: Since) -> Iterator[str]:
    diff = since.diff
    yield f'<section id="changes">\n<h2>What changed since the review of {_shown(since.reviewed)}</h2>\n'
    yield (
        f"<p>{since.members:,} members then. {len(diff.added):,} added, {len(diff.removed):,} removed, "
        f"{len(diff.changed):,} changed"
    )
    if diff.orgs_unknown:
        yield f"; organizations not compared for {len(diff.orgs_unknown):,}"
    if diff.unreadable:
        yield f"; records that could not be read, and were not compared: {len(diff.unreadable):,}"
    yield ".</p>\n</section>\n"
    if diff.added:
        yield from _list("added", "Added", diff.added)
    if diff.removed:
        yield from _list("removed", "Removed", diff.removed)
    if diff.changed:
        yield f'<section id="changed">\n<h2>Changed ({len(diff.changed):,})</h2>\n'
        rows = ([*_person(c.after), f"<td>{_shown('; '.join(c.details))}</td>"] for c in diff.changed)
        yield from _table("changes", _CHANGE_COLUMNS, rows)
        yield "</section>\n"


def _list(anchor: str, title: str, members: Sequence[ReviewedMember], note: str = "") -> Iterator[str]:
    yield f'<section id="{anchor}">\n<h2>{title} ({len(members):,})</h2>\n'
    if note:
        yield f"<p>{note}</p>\n"
    if members:
        yield from _table("some", _MEMBER_COLUMNS, map(_cells, members))
    else:
        yield "<p>None.</p>\n"
    yield "</section>\n"


def _all_members(report: AuditReport) -> Iterator[str]:
    count = f"{report.totals.members:,}"
    yield f'<section id="members">\n<h2>All members ({count})</h2>\n'
    yield '<form class="filters" autocomplete="off" hidden>\n'
    yield '<label>Search<input type="search" name="search"></label>\n'
    columns = list(_MEMBER_COLUMNS)
    for name, title in {"Role": "By role", "Login method": "By login method", "SSO": "By SSO"}.items():
        yield f'<label>{name}<select name="{name}" data-column="{columns.index(name)}">'
        yield '<option value="">all</option>'
        for text, number in report.breakdowns[title].items():
            yield f'<option value="{_shown(text)}">{_shown(text)} ({number:,})</option>'
        yield "</select></label>\n"
    yield '<button type="reset">Clear</button>\n</form>\n'
    yield (
        f'<p aria-live="polite"><span class="count">All {count} members</span>. '
        f'Sorted: <span class="order">{SORTED}</span>.</p>\n'
    )
    empty = "<td></td>" * len(SIGN_OFF_COLUMNS) if report.sign_off else ""
    yield from _table(
        "all sign-off" if report.sign_off else "all",
        _all_columns(report),
        (
            [*_cells(member), _org_cell(member) if report.org_memberships else "", empty]
            for member in report.members
        ),
    )
    yield "</section>\n"


def _all_columns(report: AuditReport) -> dict[str, int]:
    return {
        **_MEMBER_COLUMNS,
        **({"Organizations": _ORGS_WIDTH} if report.org_memberships else {}),
        **(dict(zip(SIGN_OFF_COLUMNS, _SIGN_OFF_WIDTHS, strict=True)) if report.sign_off else {}),
    }


def _table(kind: str, columns: Mapping[str, int], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    width = sum(columns.values())
    yield f'<table class="list {kind}">\n'
    yield "".join(f'<col width="{100 * share / width:.2f}%">' for share in columns.values())
    headings = "".join(f'<th scope="col">{column}</th>' for column in columns)
    yield f"\n<thead><tr>{headings}</tr></thead>\n<tbody>\n"
    for number, row in enumerate(rows):
        if number and not number % _ROWS:
            yield "</tbody>\n<tbody>\n"
        yield f"<tr>{''.join(row)}</tr>\n"
    yield "</tbody>\n</table>\n"


def _person(member: ReviewedMember) -> Iterator[str]:
    user = member.membership.user
    for text in (user.name, user.email, user.username):
        yield f"<td>{_shown(text or '')}</td>"


def _cells(member: ReviewedMember) -> Iterator[str]:
    yield from _person(member)
    role = _shown(role_of(member))
    yield f'<td class="warn">{role}</td>' if member.is_admin else f"<td>{role}</td>"
    yield f"<td>{_shown(login_of(member))}</td>"
    since = member.membership.created_at
    yield f"<td>{UNKNOWN if since is None else f'{since:%Y-%m-%d}'}</td>"
    sso = SSO_WORDS[member.sso]
    yield f'<td class="warn">{sso}</td>' if member.sso is False else f"<td>{sso}</td>"


def _org_cell(member: ReviewedMember) -> str:
    if member.org_error is not None:
        return f'<td class="warn" title="{_shown(str(member.org_error))}">unknown</td>'
    if member.org_memberships is None:
        return "<td>unknown</td>"
    if not member.org_memberships:
        return '<td class="warn">none</td>'
    names = [f"{o.org.name or o.org.id} ({o.role.name or '-'})" for o in member.org_memberships]
    return f"<td>{_shown(', '.join(names))}</td>"


def _shown(text: str) -> str:
    """Escaped, and with what is not visible made so: a name cannot turn the writing of its neighbours."""
    return escape(printable(text), quote=True)


@cache
def _asset(name: str) -> str:
    """A file beside this one, as it stands in the page."""
    return resources.files("groups_sdk.access._review").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
