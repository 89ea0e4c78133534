"""A review as one self-contained page: no network, no script but the one that sorts, and every value escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from html import escape

from groups_sdk._terminal import printable
from groups_sdk.access._review.member import ReviewedMember, ReviewTotals
from groups_sdk.models import Group

__all__ = ["html_lines"]

_STYLE = """
:root { color-scheme: light dark; --line: #d5d8de; --bar: #4b45a1; --soft: #f4f5f7; --text: #1c1c21; --dim: #5f6470;
  --warn: #a3123f; --back: #fff; }
@media (prefers-color-scheme: dark) { :root { --line: #3a3d46; --bar: #9a93f0; --soft: #24262d; --text: #ececf0;
  --dim: #a2a7b4; --warn: #ff7d9c; --back: #17181c; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 80rem; padding: 1.5rem; color: var(--text);
  background: var(--back); }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1rem; margin: 0 0 .5rem; }
p { color: var(--dim); margin: .25rem 0 1.25rem; }
dl { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1.25rem; }
dl div { background: var(--soft); border-radius: .5rem; padding: .5rem .9rem; }
dt { color: var(--dim); font-size: .8rem; } dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.5rem;
  margin-bottom: 1.5rem; }
.chart { border-collapse: collapse; width: 100%; } .chart td { padding: .1rem .4rem .1rem 0; }
.chart td:nth-child(1) { max-width: 11rem; overflow-wrap: anywhere; }
.chart td:nth-child(2) { text-align: right; font-variant-numeric: tabular-nums; width: 1%; }
.chart td:nth-child(3) { width: 55%; } svg { display: block; width: 100%; height: .8rem; } rect { fill: var(--bar); }
.scroll { overflow-x: auto; } .members { border-collapse: collapse; width: 100%; font-size: .9rem; }
.members th { text-align: left; position: sticky; top: 0; background: var(--soft); white-space: nowrap; }
.members th, .members td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
.members bdi { display: inline-block; max-width: 22rem; overflow-wrap: break-word; }
.members td:nth-child(4) { min-width: 7rem; }
.members td:nth-child(6) { white-space: nowrap; }
.warn { color: var(--warn); font-weight: 600; }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
@media print { body { max-width: none; padding: 0; } .members th { position: static; } }
"""

# The headings become buttons only where the script runs: without it the table is sorted as it stands.
_SCRIPT = """
const table = document.querySelector(".members"), body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
const order = new Intl.Collator(undefined, {numeric: true, sensitivity: "base"});
heads.forEach((head, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].map(row => [row.cells[column].textContent, row]);
    rows.sort((a, b) => (down ? -1 : 1) * order.compare(a[0], b[0]));
    body.append(...rows.map(pair => pair[1]));
  });
});
"""


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# Nothing may be loaded, and nothing may run but what stands above.
_POLICY = (
    f"default-src 'none'; style-src '{_digest(_STYLE)}'; script-src '{_digest(_SCRIPT)}'; "
    "base-uri 'none'; form-action 'none'"
)
_COLUMNS = ("Name", "Email", "Username", "Role", "Login method", "Member since")
_SSO = {True: "yes", False: "no", None: "unknown"}


def html_lines(
    group: Group, reviewed_at: datetime | None, totals: ReviewTotals, members: Iterable[ReviewedMember]
) -> Iterator[str]:
    """The page, in pieces. Admins come first, then everybody by email address."""
    title = f"Access review of {_shown(group.name or group.id)}"
    when = f"{reviewed_at:%Y-%m-%d %H:%M} UTC" if reviewed_at else "at an unknown time"
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n<p>Group {_shown(group.id)}, reviewed {when}</p>\n"
    )
    yield from _figures(totals)
    yield '<div class="charts">\n'
    yield from _chart("By role", totals.by_role)
    yield from _chart("By login method", totals.by_login_method)
    yield from _chart("By joining month", totals.by_joining_month)
    yield "</div>\n"
    orgs = totals.in_no_org is not None
    columns = [*_COLUMNS, "SSO", *(["Organizations"] if orgs else [])]
    yield '<div class="scroll">\n<table class="members">\n<thead><tr>'
    yield "".join(f'<th scope="col">{column}</th>' for column in columns)
    yield "</tr></thead>\n<tbody>\n"
    for member in sorted(members, key=_order):
        yield f"<tr>{''.join(_cells(member, orgs=orgs))}</tr>\n"
    yield f"</tbody>\n</table>\n</div>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"


def _order(member: ReviewedMember) -> str:
    """What to sort by: one text, since other threads wait while many tuples are compared."""
    user = member.membership.user
    name = (user.email or user.username or user.name or "").casefold()
    return f"{0 if member.is_admin else 1}{name}\0{user.id}"


def _figures(totals: ReviewTotals) -> Iterator[str]:
    figures = {
        "Members": totals.members,
        "Admins": totals.admins,
        "Not on SSO": totals.not_on_sso,
        "Login method unknown": totals.login_method_unknown,
        "In no organization": totals.in_no_org,
        "Organizations unknown": totals.orgs_unknown or None,
    }
    yield "<dl>\n"
    for name, figure in figures.items():
        if figure is not None:
            yield f"<div><dt>{name}</dt><dd>{figure:,}</dd></div>\n"
    yield "</dl>\n"


def _chart(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield f'<section>\n<h2>{title}</h2>\n<table class="chart">\n'
    most = max(counts.values(), default=1)
    for name, count in counts.items():
        width = f"{100 * count / most:.1f}"
        yield (
            f"<tr><td><bdi>{_shown(name)}</bdi></td><td>{count:,}</td>"
            '<td><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect width="{width}" height="8"></rect></svg></td></tr>\n'
        )
    yield "</table>\n</section>\n"


def _cells(member: ReviewedMember, *, orgs: bool) -> Iterator[str]:
    membership, user = member.membership, member.membership.user
    for text in (user.name, user.email, user.username):
        yield f"<td><bdi>{_shown(text or '')}</bdi></td>"
    role = f"<bdi>{_shown(membership.role.name or membership.role.id)}</bdi>"
    yield f'<td class="warn">{role}</td>' if member.is_admin else f"<td>{role}</td>"
    yield f"<td><bdi>{_shown(user.login_method or '')}</bdi></td>"
    yield f"<td>{membership.created_at:%Y-%m-%d}</td>"
    yield (
        f'<td class="warn">{_SSO[member.sso]}</td>' if member.sso is False else f"<td>{_SSO[member.sso]}</td>"
    )
    if orgs:
        yield _org_cell(member)


def _org_cell(member: ReviewedMember) -> str:
    if member.org_error is not None:
        return f'<td class="warn" title="{_shown(str(member.org_error))}">unknown</td>'
    if member.org_memberships is None:
        return "<td>unknown</td>"
    if not member.org_memberships:
        return '<td class="warn">none</td>'
    names = [f"{o.org.name or o.org.id} ({o.role.name or '-'})" for o in member.org_memberships]
    return f"<td><bdi>{_shown(', '.join(names))}</bdi></td>"


def _shown(text: str) -> str:
    """Escaped, and with what is not visible made so: a name cannot turn the writing of its neighbours."""
    return escape(printable(text), quote=True)
