"""Public classes as dicts of JSON types: they come back equal, and nothing else is taken for one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from support.examples import (
    CHANGE,
    EXAMPLES,
    GROUP,
    LATE,
    MEMBERSHIP,
    ORG_MEMBERSHIP,
    PAGE,
    REMOVAL,
    REVIEW,
    UNREAD,
)

import groups_sdk
import groups_sdk.access
from groups_sdk import (
    DecodeProblem,
    Group,
    GroupMembership,
    InvalidArgumentError,
    NotFoundError,
    Page,
    User,
)
from groups_sdk._serialization import Document, Serializable
from groups_sdk.access import Outcome, Plan, Progress, Review, ReviewTotals, Status
from groups_sdk.access._change_documents import change_document

NAMED = [pytest.param(example, id=type(example).__name__) for example in EXAMPLES]


def values(document: Any) -> Iterator[Any]:
    yield document
    inner = (
        document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    )
    for value in inner:
        yield from values(value)


def test_there_is_an_example_of_every_public_class_that_has_a_dict() -> None:
    public = {
        value
        for module in (groups_sdk, groups_sdk.access)
        for name in module.__all__
        if isinstance(value := getattr(module, name), type) and issubclass(value, Document)
    }
    assert public == {*map(type, EXAMPLES), Page}


@pytest.mark.parametrize("example", NAMED)
def test_it_comes_back_equal_from_json(example: Any) -> None:
    document = example.to_dict()
    assert {type(value) for value in values(document)} <= {dict, list, str, int, float, bool, type(None)}
    assert type(example).from_dict(json.loads(json.dumps(document))) == example
    assert dict(example) == document
    assert list(example.keys()) == list(document)


@pytest.mark.parametrize("example", NAMED)
def test_the_members_of_the_dict_are_the_attributes_in_their_order(example: Any) -> None:
    names = [field.name for field in attrs.fields(type(example))]
    head = ["format", "version"] if isinstance(example, Plan) else []
    document = example.to_dict()
    assert set(document) == {*head, *names}
    if not head:
        assert list(document) == names


@pytest.mark.parametrize("example", [param for param in NAMED if param.id != "Plan"])
def test_each_member_must_be_of_its_type_and_no_other_may_be_there(example: Any) -> None:
    cls, document = type(example), example.to_dict()
    for name in document:
        if (cls, name) == (DecodeProblem, "data"):  # whatever the API sent
            continue
        with pytest.raises(InvalidArgumentError, match=rf"^{cls.__name__}: {name}: must be"):
            cls.from_dict({**document, name: object()})
    with pytest.raises(InvalidArgumentError, match=r"has unknown members: 'x\\u0151'$"):
        cls.from_dict({**document, "xő": 1})
    for required in (field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING):
        shortened = {name: value for name, value in document.items() if name != required}
        with pytest.raises(InvalidArgumentError, match=rf"^{cls.__name__}: {required}: is missing$"):
            cls.from_dict(shortened)


@pytest.mark.parametrize("other", [None, [], "x", 3, MEMBERSHIP])
def test_what_is_no_object_is_refused(other: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^User: must be an object$"):
        User.from_dict(other)


def test_members_that_have_a_default_may_be_missing() -> None:
    assert Group.from_dict({"id": "g"}) == Group("g")
    assert Progress.from_dict({"done": 1, "total": 2, "elapsed": 3}) == Progress(1, 2, 3.0)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"user": {"id": "u", "email": 7}}, "user.email: must be a string"),
     ({"group_membership_count": True}, "group_membership_count: must be a whole number"),
     ({"group_membership_count": 2.0}, "group_membership_count: must be a whole number"),
     ({"created_at": "2026-01-02T03:04:05"}, "created_at: must say its offset from UTC, such as "
                                             "2026-01-02T09:30:00+00:00"),
     ({"created_at": 1767323045}, "created_at: must be a date and time such as 2026-01-02T09:30:00+00:00"),
     ({"created_at": "soon"}, "created_at: must be a date and time such as 2026-01-02T09:30:00+00:00"),
     ({"created_at": "0001-01-01T00:00:00+02:00"},
      "created_at: must be a date and time between the years 1 and 9999 in UTC"),
     ({"role": {}, "group": []}, "role.id: is missing; group: must be an object")],
)  # fmt: skip
def test_the_error_names_the_path_and_shows_no_value(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        GroupMembership.from_dict(MEMBERSHIP.to_dict() | changes)
    assert str(caught.value) == f"GroupMembership: {problem}"


@pytest.mark.parametrize(
    ("change", "problem"),
    [(lambda d: d["members"][1]["membership"].update(id=None), r"members\[1\].membership.id: must be a string"),
     (lambda d: d["members"][0].update(org_memberships="abc"), r"members\[0\].org_memberships: must be a list"),
     (lambda d: d["members"][1]["org_error"].update(message=3), r"members\[1\].org_error.message: must be of .* str"),
     (lambda d: d["members"][1].update(org_error=3), r"members\[1\].org_error: must be an object"),
     (lambda d: d.update(members=[{}] * 4), r"members\[3\].membership: is missing"),
     (lambda d: d.update(members=[{}] * 8), r"members\[4\].membership: is missing; and 3 more")],
)  # fmt: skip
def test_paths_lead_into_lists(change: Any, problem: str) -> None:
    document = REVIEW.to_dict()
    change(document)
    with pytest.raises(InvalidArgumentError, match=f"{problem}$"):
        Review.from_dict(document)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("by_role", [], "by_role: must be an object"),
        ("by_role", {"x": "1"}, r"by_role\['x'\]: must be a whole number"),
    ],
)
def test_counts_by_name_are_checked(name: str, value: Any, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^ReviewTotals: {problem}$"):
        ReviewTotals.from_dict({**REVIEW.totals.to_dict(), name: value})


def test_a_choice_names_the_others() -> None:
    document = Outcome(CHANGE, Status.APPLIED).to_dict()
    assert (document["change"]["action"], document["status"]) == ("set_role", "applied")
    with pytest.raises(InvalidArgumentError, match="status: must be one of applied, unchanged, failed, "):
        Outcome.from_dict({**document, "status": "APPLIED"})


def test_times_are_written_with_their_offset_and_read_into_utc() -> None:
    assert MEMBERSHIP.to_dict()["created_at"] == "2026-01-02T03:04:05.678901+00:00"
    moved = GroupMembership.from_dict({**MEMBERSHIP.to_dict(), "created_at": "2026-01-02T01:00:00-02:00"})
    assert moved.created_at == datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert moved.created_at.tzinfo is UTC


def test_the_error_of_an_outcome_says_the_same_afterwards() -> None:
    for error in (LATE, NotFoundError(status_code=404, request_id="5f1c", method="DELETE", path="/x")):
        outcome = Outcome(REMOVAL, Status.FAILED, error)
        twin = Outcome.from_dict(json.loads(json.dumps(outcome.to_dict())))
        assert twin == outcome
        assert (type(twin.error), str(twin.error)) == (type(error), str(error))
        for name in ("request_id", "status_code", "maybe_applied"):
            assert getattr(twin.error, name, None) == getattr(error, name, None)
        assert str(twin) == str(outcome)
    assert outcome != Outcome(REMOVAL, Status.FAILED, LATE)
    assert outcome != Outcome(REMOVAL, Status.FAILED)


def test_an_error_of_somebody_else_keeps_its_text_and_promises_nothing() -> None:
    outcome = Outcome(REMOVAL, Status.UNKNOWN, RuntimeError("boom"))
    document = outcome.to_dict()["error"]
    assert (document["message"], document["maybe_applied"]) == ("RuntimeError: boom", True)
    twin = Outcome.from_dict(outcome.to_dict())
    assert twin == outcome
    assert twin.to_dict() == outcome.to_dict()


def test_a_plan_and_a_change_are_written_as_in_their_files() -> None:
    (plan,) = (example for example in EXAMPLES if isinstance(example, Plan))
    assert plan.to_dict() == json.loads(plan.to_json())
    assert Plan.from_dict(plan.to_dict()).digest == plan.digest
    for change in plan.changes:
        assert change.to_dict() == change_document(change)
    with pytest.raises(InvalidArgumentError, match=r"the plan\.base_url: must be of the type str"):
        Plan.from_dict({**plan.to_dict(), "base_url": None})
    with pytest.raises(InvalidArgumentError, match="the plan: must be an object"):
        Plan.from_dict([])  # type: ignore[arg-type]


def test_a_page_is_read_with_the_class_of_its_items() -> None:
    document = PAGE.to_dict()
    assert list(document) == ["items", "next_cursor", "prev_cursor", "meta", "problems"]
    assert document["items"] == [MEMBERSHIP.to_dict()]
    page = Page.from_dict(json.loads(json.dumps(document)), GroupMembership)
    assert page == PAGE
    assert (page.response.status_code, page.response.attempts, page.response.content) == (0, 0, b"")
    for wrong, problem in (
        ({"items": [{}]}, r"items\[0\].id: is missing"),
        ({"meta": 3}, "meta: must be an object"),
    ):
        with pytest.raises(InvalidArgumentError, match=f"^Page: {problem}"):
            Page.from_dict({**document, **wrong}, GroupMembership)


def test_they_are_no_sequences() -> None:
    with pytest.raises(TypeError):
        list(GROUP)  # type: ignore[call-overload]
    assert ORG_MEMBERSHIP["org"] == {"id": ORG_MEMBERSHIP.org.id, "name": "Web"}
    with pytest.raises(KeyError):
        UNREAD["nothing"]


def test_a_class_must_say_how_it_is_read() -> None:
    with pytest.raises(NotImplementedError):
        Document._read({}, Document)
    assert issubclass(Group, Serializable)
