"""Reviews made by hand, and names of people who mean harm."""

from __future__ import annotations

from datetime import UTC, datetime

from groups_sdk import Group, GroupMembership, Org, OrgMembership, Review, Role, User
from groups_sdk.access import ReviewedMember

HOSTILE = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</td></tr></table><h1>pwned</h1>",
    "&lt;b&gt; &amp;",
    "\u202egpj.exe",
    "=cmd|' /C calc'!A1",
    "</script><script>alert(1)</script>",
    "<!-- -->]]>",
    "a\x00b\x1b[2J\u2028",
    "\ud800lone",
]

GROUP = Group("00000001-0000-4000-8000-000000000000", "Payments")


def uid(number: str) -> str:
    return f"{number:0>8}-0000-4000-8000-000000000000"


def member(
    number: str,
    name: str | None = "Ada",
    role: str = "Reader",
    login: str | None = "saml",
    orgs: dict[str, str] | None = None,
    email: str | None = None,
    again: bool = False,
) -> ReviewedMember:
    user = User(uid(number), name, f"user{number}", email or f"user{number}@example.com", login)
    since = datetime(2025, int(number) % 12 + 1, 3, 4, 5, 6, 789000, tzinfo=UTC)
    below = tuple(
        OrgMembership(uid("7"), None, User(user.id, name), Role(uid(r), r), Org(uid(o), f"Org {o}"))
        for o, r in (orgs or {}).items()
    )
    return ReviewedMember(
        GroupMembership(
            uid(f"9{number}" if again else f"5{number}"), since, user, Role(uid(str(len(role))), role), GROUP
        ),
        None if login is None else login == "saml",
        below if orgs is not None else None,
    )


def review(members: list[ReviewedMember], orgs: bool = False) -> Review:
    return Review(GROUP, datetime(2025, 11, 5, tzinfo=UTC), tuple(members), orgs)


def hostile() -> Review:
    return review(
        [
            member(str(number), name, role=name, login=name, email=name, orgs={"1": "2"})
            for number, name in enumerate(HOSTILE)
        ],
        orgs=True,
    )
