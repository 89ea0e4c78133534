"""The rows of a desired state as they were written, with all that is to be said of their source."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from groups_sdk.access._plan.columns import Columns, Field, ignored_note, meaning_of
from groups_sdk.access._review.files import UNREADABLE
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Role

__all__ = ["PERSON", "Row", "Source"]

PERSON = "person"  # the cell of a mapping or a plain list: any identifier

# What a listing of members prints. One without `sso`, which reviews have, may have been asked for some of them only.
_LISTING = {
    "email",
    "name",
    "username",
    "role",
    "login_method",
    "member_since",
    "user_id",
    "role_id",
    "membership_id",
}
_REVIEW = {"sso", "organizations", "org_error"}


@attrs.frozen
class Row:
    """One row as it was written. `where` names it in errors.

    `cells` are by field, and `group` is that of the section around it. `verbatim` rows are what the API said of
    people: their names are taken as they are.
    """

    where: str
    cells: Mapping[str, Any]
    group: str | None = None
    verbatim: bool = False


@attrs.define
class Source:
    """The rows, what to call their source, notes for the user, and the rows that could not be read.

    `columns` says which column is which, and `role` is that of everybody, where rows have none. `partial` is True for
    a listing of members, which does not say whether it was of all of them.
    """

    name: str
    columns: Columns | None = None
    role: str | Role | None = None
    rows: list[Row] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)
    problems: list[str] = attrs.field(factory=list)
    partial: bool = False
    _ignored: dict[str, str] = attrs.field(factory=dict)

    def fields_of(self, headings: Sequence[str], *, noun: str) -> tuple[dict[Field, int], bool]:
        """The position of each field among the headings, and whether they are those of a listing or a review.

        Raises `InvalidArgumentError`, which names the source.
        """
        with self.naming():
            found, ignored = meaning_of(headings, self.columns, noun=noun, one_role=self.role is not None)
        verbatim = set(headings) >= _LISTING
        if verbatim:
            ignored = [heading for heading in ignored if heading not in _LISTING | _REVIEW]
            self.partial = self.partial or "sso" not in headings
        self.ignore(ignored, noun=noun)
        return found, verbatim

    def ignore(self, headings: Iterable[str], *, noun: str) -> None:
        """Remember headings that mean nothing, for one note at the end."""
        self._ignored.update(dict.fromkeys(headings, noun))

    def add(
        self,
        where: str,
        cells: Mapping[Any, Any],
        group: str | None = None,
        *,
        verbatim: bool = False,
    ) -> None:
        """Add a row, with the role of everybody where there is one. One that a review could not read is a problem."""
        if verbatim and cells.get("role") == UNREADABLE and not cells.get("role_id"):
            self.problems.append(f"{where}: the review could not read this record; make one that is complete")
            return
        given = {} if self.role is None else {"role": self.role}
        self.rows.append(Row(where, {**cells, **given}, group, verbatim))

    def all_notes(self) -> tuple[str, ...]:
        """The notes, with one on everything that was ignored."""
        noun = next(iter(self._ignored.values()), "column")
        return (*self.notes, *([ignored_note(list(self._ignored), noun)] if self._ignored else ()))

    @contextmanager
    def naming(self) -> Generator[None, None, None]:
        """Put the source's name in front of what is wrong with all of it."""
        try:
            yield
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"{self.name}: {error}") from None

    def refuse(self, problem: str) -> InvalidArgumentError:
        """The error that names the source."""
        return InvalidArgumentError(f"{self.name}: {problem}")

    def refuse_columns(self) -> None:
        """Raise for `columns` where there are none."""
        if self.columns:
            raise self.refuse("columns is for tables and lists of objects only")

    def refuse_role(self, what: str) -> None:
        """Raise for a role of everybody where the source has roles of its own."""
        if self.role is not None:
            raise self.refuse(f"{what}, and role= gives one to everybody: leave one of them out")
