"""A plan as Markdown, for whoever approves it in a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from groups_sdk.access._markdown import code, folded_list, folded_table
from groups_sdk.access._outcomes import Change
from groups_sdk.access._plan.until import shown_moment

if TYPE_CHECKING:
    from groups_sdk.access._plan.plan import Plan
    from groups_sdk.models import Role

__all__ = ["plan_markdown"]

_SHOWN = 50  # rows, before the rest is folded up


def plan_markdown(plan: Plan, left_alone: str, endings: str) -> str:
    """The whole plan as a Markdown text that ends with a line break.

    `left_alone` says whom it does not touch, and `endings` how much access ends.
    """
    return "\n".join(_lines(plan, left_alone, endings)) + "\n"


def _lines(plan: Plan, left_alone: str, endings: str) -> Iterator[str]:
    names = {group.id.lower(): code(group.name or group.id) for group in plan.groups}
    several = len(plan.groups) > 1
    groups = ", ".join(f"{names[group.id.lower()]} ({code(group.id)})" for group in plan.groups)
    yield f"## Plan for {groups or 'no group'}"
    yield ""
    yield f"**{plan.summary()}** ({left_alone})"
    yield ""
    yield f"Made {plan.made_at:%Y-%m-%d %H:%M} UTC for {code(plan.base_url)}, digest {code(plan.digest)}"
    if plan.changes:
        yield from ("", "### Changes", "")
        heads = [*(["group"] if several else []), "action", "person", "role before", "role after"]
        rows = [
            [
                *([_group(names, change.group_id)] if several else []),
                str(change.action),
                _person(change),
                _role(change.before),
                _role(change.role),
            ]
            for change in plan.changes
        ]
        yield from folded_table(heads, rows, _SHOWN)
    if plan.not_in_snyk:
        yield from ("", "### Cannot be planned", "")
        heads = [*(["group"] if several else []), "person", "role", "reason"]
        rows = [
            [
                *([_group(names, missing.group_id)] if several else []),
                code(missing.who),
                code(missing.role),
                code(missing.reason),
            ]
            for missing in plan.not_in_snyk
        ]
        yield from folded_table(heads, rows, _SHOWN)
    if endings:
        yield from ("", "### Access that ends", "", f"By this machine's clock: {endings}", "")
        heads = [*(["group"] if several else []), "", "person", "role", "until", "then"]
        rows = [
            [
                *([_group(names, ending.group_id)] if several else []),
                word,
                code(ending.who),
                code(ending.role),
                shown_moment(ending.until),
                "removed" if ending.then is None else code(ending.then),
            ]
            for word, some in (("ended", plan.ended), ("ends", plan.ending))
            for ending in some
        ]
        if rows:
            yield from folded_table(heads, rows, _SHOWN)
    notes = [*map(code, plan.notes), *_own_notes(plan)]
    if notes:
        yield from ("", "### Notes", "")
        yield from folded_list(notes, _SHOWN)


def _own_notes(plan: Plan) -> Iterator[str]:
    if plan.good_until is not None:
        yield f"To be applied before {shown_moment(plan.good_until)}: a role that it gives ends then."
    if plan.prune:
        yield "Members who are not mentioned are removed."
    if plan.allow_unresolved:
        yield f"Members are removed although these were not found: {', '.join(map(code, plan.allow_unresolved))}"
    whom = {change.key: _person(change) for change in plan.changes}
    for condition in plan.conditions:
        yield f"The change of {whom[condition.change]} is sent {code(str(condition))}."
    if plan.removals:
        below = {
            None: "`apply` decides whether memberships of the organizations below go too.",
            True: "Memberships of the organizations below go too when a member is removed.",
            False: "Memberships of the organizations below stay, where the API allows it.",
        }
        yield below[plan.cascade]


def _group(names: dict[str, str], group_id: str) -> str:
    return names.get(group_id.lower()) or code(group_id)


def _person(change: Change) -> str:
    """Who it is, with the id: several accounts may go by one address, and anybody can choose a display name."""
    user = change.user
    name = (user.email or user.username or user.name) if user else None
    id_ = (user.id if user else None) or change.membership_id or ""
    return f"{code(name)} ({code(id_)})" if name else code(id_)


def _role(role: Role | None) -> str:
    """The role's name, or its id where the API does not tell the name; a dash where there is none."""
    return code((role.name or role.id) if role else "")
