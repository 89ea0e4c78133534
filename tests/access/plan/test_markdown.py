"""Plans for a pull request."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest
from markdown_it import MarkdownIt
from support.jobs import NOWHERE
from support.worlds import ROOT, group_of, member

from groups_sdk import Group, NotInSnyk, Plan, Role, User
from groups_sdk.access import Action, Change

pytestmark = pytest.mark.anyio

GROUP = "7c8d3b62-0a3d-4a1e-9a55-0d6f2ec0a6b1"
OTHER = "8c8d3b62-0a3d-4a1e-9a55-0d6f2ec0a6b1"


def plan_of(*changes: Change, **rest: object) -> Plan:
    made = datetime(2025, 11, 5, 10, tzinfo=UTC)
    by_action = {
        name: tuple(change for change in changes if change.action is action)
        for name, action in (
            ("creates", Action.ADD),
            ("role_changes", Action.SET_ROLE),
            ("removals", Action.REMOVE),
        )
    }
    defaults = {"groups": (Group(GROUP, "Acme"),), "base_url": "https://api.snyk.io/rest", "made_at": made}
    return Plan(**{**defaults, **by_action, **rest})  # type: ignore[arg-type] # a test says what it needs


def removal(number: int, group_id: str = GROUP) -> Change:
    user = User(f"{number:08}-0000-4000-8000-000000000000", email=f"{number}@mail.test")
    return Change(
        action=Action.REMOVE, group_id=group_id, membership_id=NOWHERE, user=user, before=Role("r", "Reader")
    )


async def test_a_plan_for_a_pull_request_says_it_all() -> None:
    fake = group_of(("eve@mail.test", "eve"), ("bob@mail.test", "bob", "Group Viewer"))
    new = fake.add_user()
    async with fake.async_client() as client:
        plan = await client.access.plan(
            fake.group_id,
            {
                ROOT: "Group Viewer",
                new.id: "Group Viewer",
                "eve": "Group Member",
                "no@mail.test": "Group Admin",
            },
            prune=True,
            allow_unresolved=["no@mail.test"],
            cascade=False,
        )
    root, bob = (member(fake, email).user.id for email in (ROOT, "bob@mail.test"))
    assert plan.summary() == "3 changes: 1 add, 1 set_role, 1 remove; 1 cannot be planned"
    assert plan.to_markdown() == (
        f"## Plan for `Acme` (`{fake.group_id}`)\n"
        "\n"
        "**3 changes: 1 add, 1 set_role, 1 remove; 1 cannot be planned** (1 unchanged)\n"
        "\n"
        f"Made {plan.made_at:%Y-%m-%d %H:%M} UTC for `http://localhost/rest`, digest `{plan.digest}`\n"
        "\n"
        "### Changes\n"
        "\n"
        "| action | person | role before | role after |\n"
        "| --- | --- | --- | --- |\n"
        f"| add | `{new.id}` | - | `Group Viewer` |\n"
        f"| set_role | `{ROOT}` (`{root}`) | `Group Admin` | `Group Viewer` |\n"
        f"| remove | `bob@mail.test` (`{bob}`) | `Group Viewer` | - |\n"
        "\n"
        "### Cannot be planned\n"
        "\n"
        "| person | role | reason |\n"
        "| --- | --- | --- |\n"
        "| `no@mail.test` | `Group Admin` | "
        "`no member and no visible SSO user of this group has this name` |\n"
        "\n"
        "### Notes\n"
        "\n"
        "- Members who are not mentioned are removed.\n"
        "- Members are removed although these were not found: `no@mail.test`\n"
        "- Memberships of the organizations below stay, where the API allows it.\n"
    )
    assert plan.summary() in str(plan)


@pytest.mark.parametrize(
    ("adds", "missing", "text"),
    [
        (0, 0, "no changes"),
        (0, 1, "no changes; 1 cannot be planned"),
        (1, 0, "1 change: 1 remove"),
        (1234, 2, "1,234 changes: 1,234 remove; 2 cannot be planned"),
    ],
)
def test_a_plan_is_summed_up(adds: int, missing: int, text: str) -> None:
    nobody = NotInSnyk(who="x", role="R", reason="gone", group_id=GROUP)
    plan = plan_of(*map(removal, range(adds)), not_in_snyk=(nobody,) * missing)
    assert plan.summary() == text


def test_an_empty_plan_has_no_tables_and_what_becomes_of_organizations_is_said() -> None:
    assert plan_of().to_markdown().count("\n") == 5
    assert plan_of(groups=()).to_markdown().startswith("## Plan for no group\n")
    for cascade, words in {None: "`apply` decides", True: "go too when", False: "below stay"}.items():
        assert words in plan_of(removal(1), cascade=cascade).to_markdown()


def test_several_groups_have_a_column_for_them() -> None:
    nobody = NotInSnyk(who="x", role="R", reason="gone", group_id=OTHER)
    plan = plan_of(
        removal(1),
        removal(2, OTHER.upper()),
        groups=(Group(GROUP, "Acme"), Group(OTHER)),
        not_in_snyk=(nobody,),
    )
    text = plan.to_markdown()
    assert text.startswith(f"## Plan for `Acme` (`{GROUP}`), `{OTHER}` (`{OTHER}`)\n")
    assert "| group | action | person |" in text
    assert "| `Acme` | remove | `1@mail.test`" in text
    assert f"| `{OTHER}` | remove | `2@mail.test`" in text
    assert f"| `{OTHER}` | `x` | `R` | `gone` |" in text
    assert f"| `{NOWHERE}` | remove |" in plan_of(removal(1, NOWHERE), groups=plan.groups).to_markdown()


def test_a_long_plan_has_every_row() -> None:
    text = plan_of(*map(removal, range(120))).to_markdown()
    before, folded = text.split("<details>\n<summary>70 more</summary>\n")
    assert before.count("| remove |") == 50
    assert folded.count("| remove |") == 70
    assert folded.rstrip().splitlines()[-1].startswith("- `apply` decides")


def test_nobody_can_write_into_it() -> None:
    evil = "@octocat | ![x](https://e.test) <b>`\n</details>\u202e"
    user = User(evil, name=evil)
    role = Role(evil, evil)
    change = Change(action=Action.SET_ROLE, group_id=GROUP, user=user, before=role, role=role)
    plan = plan_of(
        change,
        attrs.evolve(change, user=attrs.evolve(user, id="", name=None), role=Role(evil)),
        groups=(Group(GROUP, evil),),
        notes=(evil,),
        allow_unresolved=(evil,),
        not_in_snyk=(NotInSnyk(who=evil, role=evil, reason=evil, group_id=GROUP),),
    )
    text = plan.to_markdown()
    assert all(line.isprintable() for line in text.splitlines())
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert "html_block" not in {token.type for token in tokens}
    assert sum(token.type == "tr_open" for token in tokens) == 5
    outside: list[str] = []
    for token in (inner for block in tokens for inner in block.children or ()):
        assert token.type in ("text", "text_special", "code_inline", "strong_open", "strong_close"), token
        outside += [token.content] if token.type != "code_inline" else []
    assert "octocat" not in "".join(outside)
    assert text.count("@octocat") == 12
