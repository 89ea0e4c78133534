"""Each invariant fails on a history that was doctored, and holds on an honest one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import pytest
from access.checker import referee
from access.checker.history import Actor, Place, State, Step, Write
from access.checker.referee import INVARIANTS, Case, Referee, Run, Violation
from access.checker.trouble import Trouble
from access.checker.world import World, world
from support.jobs import ONCE

from groups_sdk import ApiError, GroupsError, Role, Status, User
from groups_sdk.access import Action, Change, Outcome

G, H = "group", "other-group"
ADMIN, MEMBER, VIEWER = "admin", "member", "viewer"
START = State(
    {
        (G, "me"): Place("m-me", ADMIN),
        (G, "ada"): Place("m-ada", ADMIN),
        (G, "bob"): Place("m-bob", MEMBER),
        (G, "eve"): Place("m-eve", MEMBER),
        (H, "bob"): Place("m-bob-2", MEMBER),
    },
    {"o-bob": (G, "bob"), "o-eve": (G, "eve")},
)
PATHS = {"POST": "/memberships", "PATCH": "/memberships/m", "DELETE": "/memberships/m"}


class Past:
    """A history that is made up step by step."""

    def __init__(self) -> None:
        self.state, self.steps, self.run = START, list[Step](), 1

    def write(
        self, method: str, user: str, role: str | None = None, *, effect: bool = True, **more: Any
    ) -> Past:
        """A request of ours; without an effect it was answered with 503 before anything was done."""
        group = more.get("group", G)
        place = self.state.members.get((group, user), START.members.get((group, user)))
        write = Write(
            method,
            more.get("path", PATHS[method]),
            group,
            None if method == "POST" or place is None else place.membership_id,
            user if method == "POST" else None,
            role,
            cascade=method == "DELETE",
        )
        after = self.state
        if effect:
            made = Place(place.membership_id if method == "PATCH" and place else f"m-{user}-new", role or "")
            after = changed(self.state, (group, user), None if method == "DELETE" else made)
        after = attrs.evolve(
            after, orgs={i: p for i, p in after.orgs.items() if p not in more.get("orgs", ())}
        )
        status = more.get("status", 204 if effect else 503)
        return self._add(Step(Actor.US, self.run, self.state, after, write, status))

    def read(self) -> Past:
        return self._add(Step(Actor.US, self.run, self.state, self.state, None, 200))

    def other(self, user: str, role: str | None, membership: str | None = None) -> Past:
        """Another admin gives somebody a role, or with None takes them out."""
        place = None if role is None else Place(membership or f"m-{user}", role)
        return self._add(Step(Actor.OTHER, self.run, self.state, changed(self.state, (G, user), place)))

    def pause(self) -> Past:
        """The job is left alone for long."""
        return self._add(Step(Actor.TIME, self.run, self.state, self.state))

    def again(self) -> Past:
        """The job is run again, and looks."""
        self.run += 1
        return self.read()

    def _add(self, step: Step) -> Past:
        self.steps.append(step)
        self.state = step.after
        return self


def changed(state: State, person: tuple[str, str], place: Place | None) -> State:
    members = {key: value for key, value in state.members.items() if key != person}
    return attrs.evolve(state, members=members if place is None else {**members, person: place})


def past() -> Past:
    return Past().read()


def change(action: Action, user: str, role: str | None = None) -> Change:
    return Change(
        action=action,
        group_id=G,
        membership_id=None if action is Action.ADD else f"m-{user}",
        user=User(user),
        before=None if action is Action.ADD else Role(START.members[G, user].role_id),
        role=None if role is None else Role(role, "Group Member" if role == VIEWER else None),
    )


ADD, SET, REMOVE = (
    change(Action.ADD, "zoe", VIEWER),
    change(Action.SET_ROLE, "bob", VIEWER),
    change(Action.REMOVE, "eve"),
)
SET_EVE = change(Action.SET_ROLE, "eve", VIEWER)
PLAN = [ADD, SET, REMOVE]
HONEST = [Outcome(ADD, Status.APPLIED), Outcome(SET, Status.APPLIED), Outcome(REMOVE, Status.APPLIED)]
NOW = Outcome(SET, Status.APPLIED)
EARLIER = Outcome(SET, Status.APPLIED, sent=False, earlier=True)


def done() -> Past:
    """The plan, carried out."""
    return (
        past()
        .write("POST", "zoe", VIEWER)
        .write("PATCH", "bob", VIEWER)
        .write("DELETE", "eve", orgs=[(G, "eve")])
    )


def verdict(
    story: Past,
    outcomes: Iterable[Outcome] = (),
    *more: Iterable[Outcome],
    changes: Iterable[Change] = PLAN,
    finished: bool = True,
    **case: Any,
) -> set[str]:
    """The names of the invariants that do not hold, when these are the outcomes of the first run and those after it."""
    judge = Referee(Case(changes=list(changes), admin_role_ids=frozenset({ADMIN}), **case), story.steps)
    runs = [list(outcomes), *map(list, more)]
    for number, claimed in enumerate(runs, 1):
        judge.report(Run(number, claimed, finished=finished and number == len(runs)))
    problems = judge.verdict()
    assert all(": " in problem for problem in problems)
    return {problem.partition(":")[0] for problem in problems}


def test_an_honest_run_is_right() -> None:
    assert verdict(done(), HONEST, me="me", named=frozenset({(G, "bob")})) == set()


def test_a_verdict_that_is_not_empty_is_raised() -> None:
    judge = Referee(Case(changes=PLAN, admin_role_ids=frozenset()), done().steps)
    judge.report(Run(1, HONEST))
    judge.check()
    judge.report(Run(2, []))
    with pytest.raises(Violation, match="outcomes_are_whole: run 2 has 0 outcomes for add:group:zoe"):
        judge.check()


DOCTORED: dict[str, Callable[[], set[str]]] = {
    "outcomes_are_whole": lambda: verdict(done(), HONEST[:2]),
    "claims_are_true": lambda: verdict(past(), HONEST),
    "only_the_planned_is_touched": lambda: verdict(done().write("PATCH", "ada", MEMBER), HONEST),
    "there_is_always_an_admin": lambda: verdict(
        past().write("DELETE", "ada").write("DELETE", "me"),
        changes=[change(Action.REMOVE, "ada"), change(Action.REMOVE, "me")],
        finished=False,
    ),
    "me_is_never_touched": lambda: verdict(done(), HONEST, me="bob"),
    "nobody_who_is_named_is_removed": lambda: verdict(done(), HONEST, named=frozenset({(G, "eve")})),
    "nothing_is_repeated": lambda: verdict(
        set_now().again().other("bob", MEMBER).write("PATCH", "bob", VIEWER), [NOW], [NOW], changes=[SET]
    ),
    "only_who_is_meant_is_touched": lambda: verdict(
        done(), HONEST, meant={(G, "zoe"): frozenset({VIEWER}), (G, "eve"): frozenset({None})}
    ),
    "nobody_is_overwritten": lambda: verdict(
        past().pause().other("bob", ADMIN).pause().write("PATCH", "bob", VIEWER), [NOW], changes=[SET]
    ),
    "removals_wait_for_additions": lambda: verdict(
        past().write("POST", "zoe", VIEWER, effect=False, status=404).write("DELETE", "eve"),
        [Outcome(ADD, Status.FAILED), Outcome(REMOVE, Status.APPLIED)],
        changes=[ADD, REMOVE],
    ),
    "senseless_work_stops": lambda: verdict(
        refused().write("PATCH", "eve", VIEWER, effect=False, status=403),
        [Outcome(SET, Status.FAILED), Outcome(SET_EVE, Status.FAILED)],
        changes=[SET, SET_EVE],
    ),
    "words_are_those_of_the_api": lambda: verdict(done(), HONEST, roles={VIEWER: "Group Viewer"}),
    "strict_is_all_or_nothing": lambda: verdict(
        past().other("bob", ADMIN).pause().write("POST", "zoe", VIEWER),
        [Outcome(ADD, Status.APPLIED), Outcome(SET, Status.CHANGED_SINCE, sent=False)],
        changes=[ADD, SET],
        strict=True,
    ),
}


@pytest.mark.parametrize("name", [invariant.__name__ for invariant in INVARIANTS])
def test_each_invariant_alone_fails_on_a_history_of_its_own(name: str) -> None:
    assert DOCTORED[name]() == {name}


# Outcomes


@pytest.mark.parametrize(
    ("outcomes", "finished", "right"),
    [
        (HONEST, True, True),
        (HONEST[:2], True, False),
        (HONEST[:2], False, True),
        ([*HONEST, HONEST[0]], True, False),
        ([*HONEST, HONEST[0]], False, False),
        ([*HONEST, Outcome(change(Action.REMOVE, "bob"), Status.NOT_STARTED)], True, False),
    ],
)
def test_no_outcome_is_lost_doubled_or_made_up(outcomes: list[Outcome], finished: bool, right: bool) -> None:
    found = verdict(done(), outcomes, finished=finished)
    assert found == (set() if right else {"outcomes_are_whole"})


# (a) Claims


def set_now() -> Past:
    return past().write("PATCH", "bob", VIEWER)


def refused() -> Past:
    return past().write("PATCH", "bob", VIEWER, effect=False, status=403)


def unclear() -> Past:
    return past().write("PATCH", "bob", VIEWER, effect=False)


def lost() -> Past:
    """It was done, and the answer did not come."""
    return past().write("PATCH", "bob", VIEWER, status=None)


def by_another() -> Past:
    return past().other("bob", VIEWER)


def raced() -> Past:
    """Another admin has done it just before us, and nobody can tell."""
    return past().other("bob", VIEWER).write("PATCH", "bob", VIEWER, status=204)


def overwritten() -> Past:
    return set_now().other("bob", ADMIN)


@pytest.mark.parametrize(
    ("story", "true", "false"),
    [
        (past, "failed not_started unknown", "applied unchanged changed_since"),
        (set_now, "applied unknown", "unchanged failed not_started changed_since"),
        (lost, "applied unknown", "unchanged failed not_started changed_since"),
        (refused, "failed unknown", "applied not_started unchanged changed_since"),
        (unclear, "failed unknown", "applied not_started unchanged changed_since"),
        (by_another, "unchanged failed not_started changed_since unknown", "applied"),
        (raced, "applied unchanged failed changed_since unknown", "not_started"),
        (overwritten, "applied unknown", "unchanged failed not_started changed_since"),
    ],
)
def test_what_is_claimed_of_a_change_is_what_was_done(
    story: Callable[[], Past], true: str, false: str
) -> None:
    assert {*true.split(), *false.split()} == set(Status)
    for status in Status:
        found = verdict(story(), [Outcome(SET, status)], changes=[SET])
        assert found == (set() if status in true.split() else {"claims_are_true"}), status


def test_additions_and_removals_are_looked_at_alike() -> None:
    assert (
        verdict(past().write("DELETE", "eve"), [Outcome(REMOVE, Status.APPLIED)], changes=[REMOVE]) == set()
    )
    assert (
        verdict(past().write("POST", "zoe", VIEWER), [Outcome(ADD, Status.APPLIED)], changes=[ADD]) == set()
    )
    for claimed, story in {
        REMOVE: past().write("DELETE", "eve", effect=False, status=404),  # a gateway's
        ADD: past().write("POST", "zoe", VIEWER, effect=False, status=409),
    }.items():
        for status in (Status.APPLIED, Status.UNCHANGED):
            assert verdict(story, [Outcome(claimed, status)], changes=[claimed]) == {"claims_are_true"}
    gone = past().other("eve", None).write("DELETE", "eve", effect=False, status=404)
    assert verdict(gone, [Outcome(REMOVE, Status.UNCHANGED)], changes=[REMOVE]) == set()
    assert verdict(gone, [Outcome(REMOVE, Status.APPLIED)], changes=[REMOVE]) == {"claims_are_true"}


def test_a_membership_whose_user_is_missing_has_an_owner_all_the_same() -> None:
    blind = attrs.evolve(REMOVE, user=User(""))
    assert verdict(past().write("DELETE", "eve"), [Outcome(blind, Status.APPLIED)], changes=[blind]) == set()
    assert verdict(past(), [Outcome(blind, Status.UNCHANGED)], changes=[blind]) == {"claims_are_true"}


@pytest.mark.parametrize(
    ("story", "right"),
    [
        (set_now().again(), True),
        (set_now().again().other("bob", ADMIN), True),
        (set_now().other("bob", ADMIN).again(), False),  # somebody else has changed it since
        (by_another().again(), False),  # nobody has ever done it but another admin
    ],
)
def test_what_was_applied_earlier_was_so_and_is_so(story: Past, right: bool) -> None:
    assert verdict(story, [], [EARLIER], changes=[SET]) == (set() if right else {"claims_are_true"})


def test_what_a_later_run_does_was_not_applied_earlier() -> None:
    story = by_another().again().other("bob", MEMBER).again().write("PATCH", "bob", VIEWER)
    assert "claims_are_true" in verdict(story, [], [EARLIER], [NOW], changes=[SET])
    assert "claims_are_true" not in verdict(story, [], [], [NOW], changes=[SET])


def test_what_is_sent_now_was_not_applied_earlier() -> None:
    story = lost().other("bob", MEMBER).again().write("PATCH", "bob", VIEWER)
    assert verdict(story, [], [NOW], changes=[SET]) == set(), "nobody knew that it was done"
    assert verdict(story, [], [EARLIER], changes=[SET]) == {"claims_are_true"}


# (b) The plan


@pytest.mark.parametrize(
    "story",
    [
        done().write("DELETE", "bob"),
        done().write("PATCH", "ada", VIEWER),
        done().write("PATCH", "bob", ADMIN),  # another role than the one that is wanted
        done().write("POST", "max", VIEWER),
        done().write("POST", "zoe", VIEWER, group=H),
        done().write("DELETE", "bob", group=H),
        done().write("DELETE", "bob", effect=False),  # it failed, and was sent all the same
        done().write("DELETE", "ada", path="/rest/groups/g/sso_connections/s/users/ada", effect=False),
    ],
)
def test_what_nobody_planned_is_not_sent(story: Past) -> None:
    assert verdict(story, HONEST) >= {"only_the_planned_is_touched"}


def test_what_another_admin_does_is_their_business() -> None:
    assert verdict(done().other("ada", None).other("max", ADMIN), HONEST) == set()


def test_organizations_are_lost_with_the_membership_only() -> None:
    spared = past().write("POST", "zoe", VIEWER).write("PATCH", "bob", VIEWER).write("DELETE", "eve")
    assert verdict(spared, HONEST) == set()
    for story in (
        past().write("PATCH", "bob", VIEWER, orgs=[(G, "bob")]),
        past().write("DELETE", "eve", orgs=[(G, "bob")]),
    ):
        assert verdict(story, finished=False) == {"only_the_planned_is_touched"}


def test_a_change_of_somebody_else_by_a_planned_request_is_seen() -> None:
    step = past().write("PATCH", "bob", VIEWER).steps[-1]
    story = past()
    story.steps.append(attrs.evolve(step, after=changed(step.after, (G, "ada"), None)))
    assert verdict(story, finished=False) == {"only_the_planned_is_touched"}


# (c) Admins


DEMOTE = [change(Action.SET_ROLE, "me", VIEWER), change(Action.REMOVE, "ada")]


def test_a_group_never_loses_its_last_admin_through_us() -> None:
    one = past().write("DELETE", "ada")
    both = past().write("DELETE", "ada").write("PATCH", "me", VIEWER)
    assert verdict(one, changes=DEMOTE, finished=False) == set()
    assert verdict(both, changes=DEMOTE, finished=False) == {"there_is_always_an_admin"}
    assert verdict(both, changes=DEMOTE, finished=False, keeps_an_admin=False) == set()
    others = past().other("ada", None).other("me", None).read()
    assert verdict(others, finished=False) == set()


def test_a_moment_without_an_admin_is_one_too_many() -> None:
    story = past().write("DELETE", "ada").write("PATCH", "me", VIEWER).write("PATCH", "bob", ADMIN)
    changes = [*DEMOTE, change(Action.SET_ROLE, "bob", ADMIN)]
    assert verdict(story, changes=changes, finished=False) == {"there_is_always_an_admin"}


# (d) Me, (e) the people of the input


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize(("method", "role"), [("PATCH", VIEWER), ("DELETE", None)])
def test_i_am_not_touched(method: str, role: str | None, effect: bool) -> None:
    story = past().write(method, "me", role, effect=effect)
    changes = [change(action, "me", role) for action in Action]
    assert verdict(story, changes=changes, finished=False, me="me") >= {"me_is_never_touched"}
    assert "me_is_never_touched" not in verdict(story, changes=changes, finished=False)
    assert "me_is_never_touched" not in verdict(story, changes=changes, finished=False, me="ada")


def test_my_account_is_not_deleted() -> None:
    path = "/rest/groups/g/sso_connections/s/users/ME"
    story = past().write("DELETE", "x", path=path, effect=False)
    assert "me_is_never_touched" in verdict(story, finished=False, me="me")


@pytest.mark.parametrize("effect", [True, False])
def test_nobody_whom_the_input_names_is_removed(effect: bool) -> None:
    story = past().write("DELETE", "eve", effect=effect)
    assert verdict(story, finished=False, named=frozenset({(G, "eve")})) == {"nobody_who_is_named_is_removed"}
    assert verdict(story, finished=False, named=frozenset({(H, "eve"), (G, "bob")})) == set()
    promoted = past().write("PATCH", "bob", VIEWER)
    assert verdict(promoted, finished=False, named=frozenset({(G, "bob")})) == set()


# (f) Runs that go on


def test_what_an_earlier_run_called_applied_is_not_sent_again() -> None:
    for story in (
        set_now().again().write("PATCH", "bob", VIEWER),
        set_now()
        .other("bob", ADMIN)
        .again()
        .write("PATCH", "bob", VIEWER),  # what another admin did is theirs
    ):
        assert "nothing_is_repeated" in verdict(story, [NOW], [NOW], changes=[SET])
        assert "nothing_is_repeated" not in verdict(
            story, [], [NOW], changes=[change(Action.SET_ROLE, "eve", VIEWER)]
        )


def test_what_is_there_to_be_seen_is_not_sent_again() -> None:
    story = lost().again().write("PATCH", "bob", VIEWER)  # the run was killed before it could claim anything
    assert verdict(story, [], [NOW], changes=[SET]) == {"nothing_is_repeated", "nobody_is_overwritten"}
    undone = lost().other("bob", MEMBER).again().write("PATCH", "bob", VIEWER)
    assert verdict(undone, [], [NOW], changes=[SET]) == set()
    meanwhile = lost().again().other("bob", MEMBER).write("PATCH", "bob", VIEWER)
    assert verdict(meanwhile, [], [NOW], changes=[SET]) == set()
    failed = unclear().again().write("PATCH", "bob", VIEWER)
    assert verdict(failed, [Outcome(SET, Status.UNKNOWN)], [NOW], changes=[SET]) == set()


def test_one_run_may_repeat_a_request() -> None:
    assert verdict(lost().write("PATCH", "bob", VIEWER), [NOW], changes=[SET]) == set()


def test_a_run_that_sends_nothing_at_all_is_judged_too() -> None:
    assert verdict(Past(), [Outcome(SET, Status.NOT_STARTED)], changes=[SET]) == set()
    assert verdict(Past(), [Outcome(SET, Status.UNCHANGED)], changes=[SET]) == {"claims_are_true"}
    story = set_now()
    assert verdict(story, [NOW], [EARLIER], changes=[SET]) == set()


# With a client, a world and its trouble


def random_changes(made: World) -> list[Change]:
    """A change for each member but me and the other admins, and an addition for each stranger."""
    group_id, roles = made.group_id, sorted(made.roles.keys() - made.admin_role_ids)
    changes: list[Change] = []
    for number, member in enumerate(made.fake.memberships(group_id)):
        if member.role.id in made.admin_role_ids:
            continue
        wanted = Role(next(role for role in roles if role != member.role.id))
        changes.append(
            Change(
                action=Action.SET_ROLE if number % 3 else Action.REMOVE,
                group_id=group_id,
                membership_id=member.id,
                user=User(member.user.id),
                role=wanted if number % 3 else None,
            )
        )
    outside = [user_id for user_id in made.strangers if made.place(user_id) is None]
    return changes + [
        Change(action=Action.ADD, group_id=group_id, user=User(u), role=Role(roles[0])) for u in outside
    ]


@pytest.mark.parametrize("seed", range(25))
def test_a_cautious_job_passes_in_every_world(seed: int) -> None:
    """It sends each change once, claims `applied` when it is told so, and knows nothing after a failure."""
    made = world(seed)
    changes = random_changes(made)
    made.start(Trouble.of(seed))
    judge = Referee(
        Case(
            changes=changes,
            admin_role_ids=made.admin_role_ids,
            me=made.me,
            named=frozenset({(made.group_id, made.me)}),
            concurrency=len(changes),  # it does not even stop at a 403
        ),
        made.fake.history,
    )
    outcomes: list[Outcome] = []
    with made.fake.client(retries=ONCE) as client:
        list_all(client, made.group_id)
        for item in changes:
            role_id, membership_id = item.role.id if item.role else "", item.membership_id or ""
            try:
                if item.action is Action.ADD and item.user is not None:
                    client.create_membership(made.group_id, user_id=item.user.id, role_id=role_id)
                elif item.action is Action.SET_ROLE:
                    client.update_membership(made.group_id, membership_id, role_id=role_id)
                else:
                    client.delete_membership(made.group_id, membership_id, cascade=True)
            except ApiError as error:
                status = Status.UNKNOWN if error.status_code >= 500 else Status.FAILED
                outcomes.append(Outcome(item, status, error))
            except GroupsError as error:
                outcomes.append(Outcome(item, Status.UNKNOWN, error))
            else:
                outcomes.append(Outcome(item, Status.APPLIED))
    judge.report(Run(1, outcomes))
    judge.check()
    lies = [
        attrs.evolve(o, status=Status.FAILED if o.status is Status.APPLIED else o.status) for o in outcomes
    ]
    if lies != outcomes:
        liar = Referee(Case(changes=changes, admin_role_ids=made.admin_role_ids), made.fake.history)
        liar.report(Run(1, lies))
        assert {problem.partition(":")[0] for problem in liar.verdict()} >= {referee.claims_are_true.__name__}


def list_all(client: Any, group_id: str) -> None:
    """Look at the group, as a job does; it may fail."""
    try:
        list(client.list_memberships(group_id))
    except GroupsError:
        pass
