"""Changes as JSON objects, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import InvalidArgumentError, Role, User
from groups_sdk.access import Action, Change
from groups_sdk.access._change_documents import change_document, read_change
from groups_sdk.access._documents import Reader

TEXTS = st.none() | st.text()


@given(
    st.builds(
        Change,
        action=st.sampled_from(Action),
        group_id=st.text(),
        membership_id=TEXTS,
        user=st.none() | st.builds(User, st.text(), TEXTS, TEXTS, TEXTS, TEXTS),
        before=st.none() | st.builds(Role, st.text(), TEXTS),
        role=st.none() | st.builds(Role, st.text(), TEXTS),
    )
)
def test_a_change_comes_back_as_it_was(change: Change) -> None:
    document = json.loads(json.dumps(change_document(change)))
    assert read_change(Reader(document, "x")) == change


def read(document: dict[str, Any], **expected: Any) -> Change:
    return read_change(Reader(document, "removals[2]"), **expected)


def test_the_place_of_an_entry_may_say_what_it_is() -> None:
    place = {"action": Action.REMOVE, "group_id": "G"}
    assert read({}, **place) == Change(action=Action.REMOVE, group_id="G")
    assert read({"action": "remove", "group_id": "g"}, **place) == Change(action=Action.REMOVE, group_id="g")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"action": "add"}, "action: must be remove; it is 'add'"),
        ({"group_id": "h"}, "group_id: must be G; it is 'h'"),
        ({"action": 7}, "action: must be of the type str"),
    ],
)
def test_an_entry_does_not_contradict_its_place(document: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"^removals\[2\]\.{message}"):
        read(document, action=Action.REMOVE, group_id="G")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"group_id": "g"}, "action: must be of the type str"),
        (
            {"action": "grant", "group_id": "g"},
            "action: must be add or set_role or remove or delete_account; it is 'grant'",
        ),
        ({"action": "add"}, "group_id: must be of the type str"),
        ({"action": "add", "group_id": "g", "user": "ada"}, "user: must be an object"),
        ({"action": "add", "group_id": "g", "role": {"name": "Group Admin"}}, "role.id: must be of the type"),
    ],
)
def test_an_entry_without_a_place_has_to_say_it_all(document: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"^removals\[2\]\.{message}"):
        read(document)
