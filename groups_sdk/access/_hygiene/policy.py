"""A policy: which findings lead to what, who is exempt and until when."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import attrs

from groups_sdk._public import set_module
from groups_sdk.access._hygiene.findings import HygieneCheck
from groups_sdk.access._people import Identity, identity_of
from groups_sdk.access._reading import ReadableFile
from groups_sdk.access._roles import checked
from groups_sdk.errors import InvalidArgumentError

__all__ = ["HygieneAction", "HygieneExemption", "HygienePolicy", "HygieneRule"]


class HygieneAction(StrEnum):
    """What a policy does about a finding.

    - `REMOVE`: remove the member from the group.
    - `SET_ROLE`: give the member another role.
    - `REPORT`: only report it.
    """

    REMOVE = "remove"
    SET_ROLE = "set_role"
    REPORT = "report"


def _known(check: object) -> None:
    """Raise for what is no check: a rule or an exemption for it would silently do nothing."""
    if not isinstance(check, str) or check not in set(HygieneCheck):
        raise InvalidArgumentError(f"{check!r} is no finding; known are {', '.join(HygieneCheck)}")


@attrs.frozen
class HygieneRule:
    """What is done about the findings of a check. `role`, a name or an id, is for `SET_ROLE` and for nothing else."""

    action: HygieneAction
    role: str | None = None

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.action, HygieneAction):
            choices = ", ".join(f"HygieneAction.{action.name}" for action in HygieneAction)
            raise InvalidArgumentError(f"the action of a rule must be one of {choices}; got {self.action!r}")
        if (self.role is not None) != (self.action is HygieneAction.SET_ROLE):
            raise InvalidArgumentError("a rule has a role when its action is set_role, and only then")
        if self.role is not None:
            checked(self.role)

    @property
    def changes(self) -> bool:
        """Whether it does more than report."""
        return self.action is not HygieneAction.REPORT


@attrs.frozen
class HygieneExemption:
    """Somebody whom no rule changes, by email address, username, user id or membership id.

    `until` is the last day, in UTC, on which it counts; None for no end. `checks` are those that it is for; all when
    there are none. `reason` is for people to read.
    """

    person: str
    until: date | None = None
    checks: tuple[HygieneCheck, ...] = ()
    reason: str | None = None

    def __attrs_post_init__(self) -> None:
        identity_of(self.person, "exempt")
        if self.until is not None and (not isinstance(self.until, date) or isinstance(self.until, datetime)):
            raise InvalidArgumentError(f"until of an exemption must be a date; got {self.until!r}")
        if not isinstance(self.checks, tuple):
            raise InvalidArgumentError(f"checks of an exemption must be a tuple; got {self.checks!r}")
        for check in self.checks:
            _known(check)

    @property
    def identity(self) -> Identity:
        """Whom it means."""
        return identity_of(self.person, "exempt")

    def covers(self, check: HygieneCheck) -> bool:
        """Whether it is for the findings of that check."""
        return not self.checks or check in self.checks


@attrs.frozen
class HygienePolicy:
    """What is to be done about which findings. What is not in `rules` is only reported.

    `cascade` says whether removals take the memberships of organizations below too; None leaves that to `apply`.
    `read` reads a policy from a YAML or JSON file, and `from_dict` from the same as a dict.

    Raises `InvalidArgumentError` for a rule that changes something because of `HygieneCheck.SOLE_ROLE`, and for a rule
    of what is no `HygieneCheck`.

    Example:
        policy = HygienePolicy.from_dict({"findings": {"sso_deactivated": "remove"}, "cascade": True})
        print((await client.access.hygiene(group_id)).plan(policy))
    """

    rules: Mapping[HygieneCheck, HygieneRule]
    exempt: tuple[HygieneExemption, ...] = ()
    cascade: bool | None = None

    def __attrs_post_init__(self) -> None:
        for check in self.rules:
            _known(check)
        rule = self.rules.get(HygieneCheck.SOLE_ROLE)
        if rule is not None and rule.changes:
            raise InvalidArgumentError(
                "sole_role can only be reported: that somebody has a role alone is no fault"
            )

    @property
    def changes(self) -> bool:
        """Whether any rule does more than report."""
        return any(rule.changes for rule in self.rules.values())

    def acts_on(self, check: HygieneCheck) -> bool:
        """Whether the findings of that check lead to a change.

        Example:
            looks_at_orgs = policy.acts_on(HygieneCheck.IN_NO_ORG)
        """
        rule = self.rules.get(check)
        return rule is not None and rule.changes

    @classmethod
    def read(cls, file: ReadableFile) -> "HygienePolicy":
        """The policy in a file: JSON when its name ends in .json or it begins with a brace, else YAML (extra `yaml`).

        `file` is a path, or a file that is open for reading. Raises `InvalidArgumentError`, which names the file and
        every place in it that is wrong, and `ConfigurationError` for YAML without PyYAML.

        Example:
            policy = HygienePolicy.read("hygiene.yaml")
        """
        from groups_sdk.access._hygiene.policy_file import read_policy

        return read_policy(file)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "HygienePolicy":
        """The policy that a dict says, which is what a policy file holds. Raises what `read` raises.

        Example:
            policy = HygienePolicy.from_dict({"findings": {"not_on_sso": {"set_role": "Group Viewer"}}})
        """
        from groups_sdk.access._hygiene.policy_file import policy_of

        return policy_of(document, "the policy")


set_module(
    "groups_sdk.access", globals(), ["HygieneAction", "HygieneExemption", "HygienePolicy", "HygieneRule"]
)
