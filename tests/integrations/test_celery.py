"""Errors and results through Celery, and the recipes of the guide."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from support.examples import IDS
from support.pages import recipe

from groups_sdk import (
    ConflictError,
    GroupMembership,
    GroupsError,
    NotFoundError,
    RequestTimeoutError,
    errors,
)
from groups_sdk.access import Outcome, Status
from groups_sdk.testing import FakeSnyk

celery = pytest.importorskip("celery", reason="the errors need no Celery")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")

CLASSES = [name for name in errors.__all__ if name != "ErrorObject"]


def application(**settings: Any) -> Any:
    app = celery.Celery("test", set_as_current=False)
    app.conf.update(
        result_backend="cache+memory://",
        broker_url="memory://",
        task_always_eager=True,
        task_store_eager_result=True,
        **settings,
    )
    return app


@pytest.mark.parametrize("serializer", ["json", "pickle"])
@pytest.mark.parametrize("name", CLASSES)
def test_the_result_backend_gives_back_the_class_and_the_text(name: str, serializer: str) -> None:
    backend = application(result_serializer=serializer, accept_content=[serializer]).backend
    cls = getattr(errors, name)
    error = cls("deleteUser: reset after 3 attempts [request id 5f1c]")
    stored = backend.decode(backend.encode(backend.prepare_exception(error)))
    twin = backend.exception_to_python(stored)
    assert type(twin) is cls
    assert (str(twin), twin.args, twin.message) == (str(error), error.args, error.message)
    assert twin.maybe_applied is cls.maybe_applied
    assert getattr(twin, "request_id", None) == getattr(error, "request_id", None)


def test_json_results_keep_the_request_id_and_deny_nothing() -> None:
    backend = application().backend
    refused = ConflictError(status_code=409, request_id="5f1c", method="POST", path="/x", maybe_applied=False)
    late = RequestTimeoutError("no answer", maybe_applied=False, operation="deleteUser", method="DELETE")
    for error in (refused, late):
        twin = backend.exception_to_python(backend.decode(backend.encode(backend.prepare_exception(error))))
        assert type(twin) is type(error)
        assert twin.maybe_applied
        assert "not applied" not in str(twin)
        assert str(error).startswith(str(twin))
        assert getattr(twin, "request_id", None) == getattr(error, "request_id", None)


def test_errors_are_pickleable_to_celery() -> None:
    from celery.utils.serialization import get_pickleable_exception

    error = NotFoundError(status_code=404, request_id="5f1c", method="GET", path="/x")
    twin = get_pickleable_exception(error)
    assert (type(twin), vars(twin)) == (NotFoundError, vars(error))


def test_a_task_that_fails_raises_the_same_class_where_its_result_is_read() -> None:
    app = application()

    @app.task(name="fail")  # type: ignore[untyped-decorator, unused-ignore]
    def fail() -> None:
        raise NotFoundError(status_code=404, request_id="5f1c", method="GET", path="/x")

    eager = fail.apply_async()
    stored = app.AsyncResult(eager.id)
    assert stored.state == "FAILURE"
    with pytest.raises(NotFoundError, match=r"GET /x: 404: .* \[request id 5f1c\]") as caught:
        stored.get()
    assert (caught.value.request_id, caught.value.maybe_applied) == ("5f1c", True)


def test_tracebacks_and_errors_travel_together_with_tblib() -> None:
    tblib = pytest.importorskip("tblib", reason="the errors need no tblib")
    from tblib import pickling_support

    assert tblib
    error = NotFoundError(status_code=404, request_id="5f1c")
    pickling_support.install(error)
    try:
        raise error
    except NotFoundError as raised:
        twin = pickle.loads(pickle.dumps(raised))
    assert (type(twin), vars(twin), str(twin)) == (NotFoundError, vars(error), str(error))
    assert twin.__traceback__ is not None


def test_the_recipe_of_the_guide(snyk: FakeSnyk) -> None:
    module = recipe("frameworks.md", "python celery")
    module.app.conf.update(application().conf.changes)
    listed = module.app.AsyncResult(module.members.delay(snyk.group_id).id).get()
    members = [GroupMembership.from_dict(document) for document in listed]
    assert len(members) == len(snyk.memberships(snyk.group_id))
    removed = module.app.AsyncResult(module.remove.delay(snyk.group_id, [members[-1].id, IDS[0]]).id).get()
    outcomes = {outcome.change.membership_id: outcome for outcome in map(Outcome.from_dict, removed)}
    assert outcomes[members[-1].id].status is Status.APPLIED
    assert outcomes[IDS[0]].status is Status.FAILED
    assert isinstance(outcomes[IDS[0]].error, GroupsError)
    refused = module.members.delay("nonsense")
    with pytest.raises(GroupsError, match="group_id must be a UUID"):
        module.app.AsyncResult(refused.id).get()


def test_each_task_of_the_recipe_with_asyncio_runs_in_a_loop_of_its_own(snyk: FakeSnyk) -> None:
    module = recipe("frameworks.md", "python celery-asyncio")
    module.app.conf.update(application().conf.changes)
    counts = [module.count_members.delay(snyk.group_id).get() for _ in range(3)]
    assert counts == [len(snyk.memberships(snyk.group_id))] * 3
