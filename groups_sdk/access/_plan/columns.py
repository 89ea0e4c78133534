"""What the columns of a table and the keys of an object mean: Email Address, userPrincipalName, role_id."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

from groups_sdk.errors import InvalidArgumentError

__all__ = [
    "Columns",
    "Field",
    "field_named",
    "ignored_note",
    "is_row",
    "known_headings",
    "meaning_of",
    "refuse_near_misses",
    "with_email_column",
]

Field: TypeAlias = Literal[
    "email",
    "username",
    "user_id",
    "membership_id",
    "role",
    "role_name",
    "role_id",
    "group",
    "group_name",
    "group_id",
    "until",
    "then",
    "then_id",
]
Columns: TypeAlias = Mapping[str, str]
"""Which column is which: `{"email": "E-Mail", "role": "Rolle"}`, from the field to the heading as it is written."""

FIELDS: tuple[Field, ...] = get_args(Field)
# Headings without what `_plain` takes away.
_SYNONYMS: dict[str, Field] = {
    **{field.replace("_", ""): field for field in FIELDS},
    **dict.fromkeys(("emailaddress", "mail", "mailaddress", "useremail", "useremailaddress"), "email"),
    **dict.fromkeys(("userprincipalname", "upn", "login", "userlogin", "userusername"), "username"),
    **dict.fromkeys(("validuntil", "expires", "expiresat", "expireson"), "until"),
    **dict.fromkeys(("expiry", "expirydate", "expiration", "expirationdate"), "until"),
}
_LOGIN = ("login", "userlogin")  # names the person where nothing better does
_PEOPLE: tuple[Field, ...] = ("email", "username", "user_id", "membership_id")
_ROLES: tuple[Field, ...] = ("role", "role_name", "role_id")
# Would change what is done, if it were known: ignoring it would be worse than refusing it.
_RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
        action ensure cascade prune protect
        """,
    )
)
# Say when something ends, perhaps this access: ignoring that would make it last for ever.
_PERHAPS_UNTIL = frozenset(("validto", "enddate", "ablaufdatum", "gültigbis", "gueltigbis", "befristetbis"))
# Columns of a review, of directories' exports and for people. Ignored, however close they are to a known one.
_IGNORED = frozenset(
    re.findall(
        r"\w+",
        """
        name loginmethod sso membersince organizations
        displayname firstname lastname givenname surname familyname middlename fullname nickname title jobtitle
        department division company companyname organization organisation org team costcenter
        manager managerid manageremail managername office officelocation location city state country street postalcode
        phone phonenumber mobile mobilephone employeeid employeetype employeenumber status accountenabled active
        usertype objectid id externalid secondemail otheremail otheremails othermails alternateemail
        alternateemailaddress personalemail created createdat createddatetime lastlogin lastsignin
        locale language timezone
        note notes comment comments reason ticket
        """,
    )
)
_SHOWN = 12


def with_email_column(columns: Columns | None, email_column: str | None) -> Columns | None:
    """The columns with the one of the email addresses, which `email_column` is short for.

    Raises `InvalidArgumentError` when it is no text, or `columns` says another one.
    """
    if email_column is None:
        return columns
    if not isinstance(email_column, str) or not email_column.strip():
        raise InvalidArgumentError(f"email_column must be the heading of a column; got {email_column!r}")
    said = (columns or {}).get("email", email_column)
    if said != email_column:
        raise InvalidArgumentError(
            f"email_column is {email_column!r}, but columns says that the email is in {said!r}: give one of them"
        )
    return {**(columns or {}), "email": email_column}


def meaning_of(
    headings: Sequence[str], columns: Columns | None, *, noun: str = "column", one_role: bool = False
) -> tuple[dict[Field, int], list[str]]:
    """The position of each field among the headings, and the headings that are ignored. `noun` is what to call one.

    With `one_role` the rows have no role of their own. Raises `InvalidArgumentError` when no person or no role is
    named, or two columns are for one field, and for a heading that is close to a known one, or that would mean
    something else than a member and a role.
    """
    found: dict[Field, int] = _chosen(headings, columns, noun)
    chosen = set(found)
    unknown: list[int] = []
    logins: list[int] = []
    for position, heading in enumerate(headings):
        plain = _plain(heading)
        field = _SYNONYMS.get(plain)
        if position in found.values():
            continue
        if plain in _LOGIN and "username" not in chosen:
            logins.append(position)
        elif field is None or field in chosen:
            unknown.append(position)
        elif field in found:
            raise InvalidArgumentError(
                f"the {noun}s {headings[found[field]]!r} and {heading!r} both give the {field}; rename or remove one, "
                f"or say which it is: {_example({field: heading})}"
            )
        else:
            found[field] = position
    for position in logins:
        if "username" in found:
            unknown.append(position)
        else:
            found["username"] = position
    _check_complete(headings, found, noun, one_role=one_role)
    ignored = [headings[position] for position in sorted(unknown) if headings[position].strip()]
    _check_ignored(ignored, chosen, noun)
    return found, ignored


def is_row(headings: Iterable[str], columns: Columns | None, *, one_role: bool) -> bool:
    """Whether these are the headings of a row: of a person and, unless all have one role, of a role."""
    given = {_plain(heading): field for field, heading in (columns or {}).items() if isinstance(heading, str)}
    plain = [_plain(heading) for heading in headings]
    found = {given.get(heading) or _SYNONYMS.get(heading) for heading in plain}
    return not found.isdisjoint(_PEOPLE) and (one_role or not found.isdisjoint(_ROLES))


def refuse_near_misses(keys: Iterable[str], known: Sequence[str]) -> None:
    """Raise `InvalidArgumentError` for a key that is close to a known one, naming both."""
    for key in keys:
        if key in known:
            continue
        close = difflib.get_close_matches(_plain(key), known, 1, 0.8)
        if close:
            raise InvalidArgumentError(
                f"the key {key!r} is not known; is it {close[0]!r}? Rename or remove it"
            )


def known_headings(headings: Iterable[str], columns: Columns | None) -> int:
    """How many of the headings mean something."""
    given = {_plain(heading) for heading in (columns or {}).values() if isinstance(heading, str)}
    return sum(_plain(heading) in given or _plain(heading) in _SYNONYMS for heading in headings)


def _chosen(headings: Sequence[str], columns: Columns | None, noun: str) -> dict[Field, int]:
    found: dict[Field, int] = {}
    for name, heading in (columns or {}).items():
        if name not in FIELDS:
            raise InvalidArgumentError(f"columns: {name!r} is not one of {', '.join(FIELDS)}")
        if not isinstance(heading, str):
            raise InvalidArgumentError(f"columns: the heading of {name} must be text; got {heading!r}")
        exact = [position for position, other in enumerate(headings) if other.strip() == heading.strip()]
        fitting = exact or [
            position for position, other in enumerate(headings) if _plain(other) == _plain(heading)
        ]
        if len(fitting) != 1:
            which = "is there more than once" if fitting else "is not there"
            raise InvalidArgumentError(f"the {noun} {heading!r} {which}; there are: {_listed(headings)}")
        found[name] = fitting[0]
    return found


def _check_complete(
    headings: Sequence[str], found: Mapping[Field, int], noun: str, *, one_role: bool
) -> None:
    own_role = next((found[field] for field in _ROLES if field in found), None)
    if one_role and own_role is not None:
        raise InvalidArgumentError(
            f"the {noun} {headings[own_role].strip()!r} says the role of each person, and role= gives one to "
            "everybody: leave one of them out"
        )
    missing = [
        what
        for what, fields in (("the person", _PEOPLE), *(() if one_role else (("the role", _ROLES),)))
        if not any(field in found for field in fields)
    ]
    if missing:
        example = {"email": "...", "role": "..."}
        example |= {
            field: headings[position] for field, position in found.items() if field in ("email", "role")
        }
        hint = "; or give everybody one role with role=" if missing == ["the role"] else ""
        raise InvalidArgumentError(
            f"no {noun} names {' or '.join(missing)}: there are {_listed(headings)}. Call them email (or username or "
            f"user_id) and role, or say which is which: {_example(example)}{hint}"
        )


def _check_ignored(ignored: Sequence[str], chosen: set[Field], noun: str) -> None:
    candidates = sorted({*_SYNONYMS, *_RESERVED})
    for heading in ignored:
        plain = _plain(heading)
        if plain in _RESERVED:
            raise InvalidArgumentError(f"the {noun} {heading!r} is not supported: remove it")
        if plain in _PERHAPS_UNTIL and "until" not in chosen:
            raise InvalidArgumentError(
                f"the {noun} {heading!r} may say when the access ends; if so, say it: {_example({'until': heading})}; "
                "otherwise remove it"
            )
        if plain in _IGNORED or plain in _SYNONYMS or plain in _PERHAPS_UNTIL:
            continue
        close = next(iter(difflib.get_close_matches(plain, candidates, 1, 0.8)), None)
        if close in _RESERVED:
            raise InvalidArgumentError(
                f"the {noun} {heading!r} is not known, and {close!r} is not supported: remove it"
            )
        if close is not None and _SYNONYMS[close] not in chosen:
            field = _SYNONYMS[close]
            raise InvalidArgumentError(
                f"the {noun} {heading!r} is not known; is it the {field}? Rename or remove it, or say which is which: "
                f"{_example({field: heading})}"
            )


def ignored_note(ignored: Sequence[str], noun: str) -> str:
    """What to tell the user of headings that mean nothing."""
    if len(ignored) == 1:
        return f"the {noun} {ignored[0].strip()} was ignored"
    return f"the {noun}s {', '.join(heading.strip() for heading in ignored)} were ignored"


def field_named(heading: str) -> Field | None:
    """What a heading means, when it is a usual one: "Email Address" is `email`."""
    return _SYNONYMS.get(_plain(heading))


def _plain(heading: str) -> str:
    return re.sub(r"[\s_.-]+", "", heading).lower()


def _listed(headings: Sequence[str]) -> str:
    shown = ", ".join(repr(heading.strip()) for heading in headings[:_SHOWN])
    more = f" and {len(headings) - _SHOWN} more" if len(headings) > _SHOWN else ""
    return f"{shown}{more}" or "none"


def _example(columns: Mapping[str, str]) -> str:
    inner = ", ".join(f'"{field}": "{heading.strip()}"' for field, heading in columns.items())
    return f"columns={{{inner}}}"
