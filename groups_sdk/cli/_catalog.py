"""Every command with one line about it, for the help of the whole and for who has not installed the extra.

Nothing else is imported here: what a command needs is imported when it is run.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COMMANDS", "SECTIONS", "CommandEntry"]

_READ = "group.membership.read"


class CommandEntry(NamedTuple):
    """A command: its section in the help, the module and the function that run it, and the permission it needs."""

    section: str
    module: str
    function: str
    summary: str
    needs: str = ""


SECTIONS = ("Look", "Change", "Try and set up")
_LOOK, _CHANGE, _OTHER = SECTIONS

COMMANDS: dict[str, CommandEntry] = {
    "groups": CommandEntry(_LOOK, "reading", "groups", "List the groups that you can see."),
    "show": CommandEntry(_LOOK, "reading", "show", "Show the details of one group.", "group.read"),
    "members": CommandEntry(
        _LOOK, "reading", "members", "List the members of a group, with role, login method and date.", _READ
    ),
    "memberships": CommandEntry(_LOOK, "reading", "memberships", "The same as members.", _READ),
    "find": CommandEntry(_LOOK, "reading", "find", "Find one member of a group.", _READ),
    "roles": CommandEntry(
        _LOOK, "reading", "roles", "List the roles in use in a group, and how many members have each.", _READ
    ),
    "orgs": CommandEntry(
        _LOOK,
        "reading",
        "orgs",
        "List the organizations that one member belongs to, and their roles there.",
        f"{_READ} and group.org.list",
    ),
    "sso": CommandEntry(
        _LOOK,
        "reading",
        "sso",
        "List the SSO connections of a group, or the users of these connections.",
        "group.sso.read, and group.user.read with --users",
    ),
    "review": CommandEntry(
        _LOOK,
        "reviewing",
        "review",
        "Review who has access to a group, and write a report.",
        f"{_READ}, and group.org.list with --orgs",
    ),
    "hygiene": CommandEntry(
        _LOOK,
        "cleaning",
        "hygiene",
        "Find what is wrong with the members of a group, and plan what a policy says about it.",
        f"{_READ}, group.sso.read and group.user.read, and group.org.list with --orgs",
    ),
    "export": CommandEntry(
        _LOOK, "planning", "export", "Write a group's members and roles to a file, to edit for plan.", _READ
    ),
    "set-role": CommandEntry(
        _CHANGE,
        "changing",
        "set_role",
        "Give members of a group another role.",
        f"{_READ} and group.membership.edit",
    ),
    "remove": CommandEntry(
        _CHANGE,
        "changing",
        "remove",
        "Remove members from a group.",
        f"{_READ} and group.membership.delete",
    ),
    "plan": CommandEntry(
        _CHANGE,
        "planning",
        "plan",
        "Show the changes needed to make a group match a file.",
        f"group.read and {_READ}",
    ),
    "migrate": CommandEntry(
        _CHANGE,
        "migrating",
        "migrate",
        "Plan the move of members to new accounts, such as to another domain.",
        f"group.read, {_READ}, group.sso.read, group.user.read and group.org.list",
    ),
    "copy-role": CommandEntry(
        _CHANGE,
        "migrating",
        "copy_role",
        "Plan to give somebody the role that another member has.",
        f"group.read, {_READ}, group.sso.read and group.user.read",
    ),
    "hand-over": CommandEntry(
        _CHANGE,
        "migrating",
        "hand_over",
        "Plan to hand a member's role over to somebody else.",
        f"group.read, {_READ}, group.sso.read and group.user.read",
    ),
    "elevate": CommandEntry(
        _CHANGE,
        "planning",
        "elevate",
        "Write into a file, for plan, that a member has another role for a while.",
        f"group.read and {_READ}",
    ),
    "apply": CommandEntry(
        _CHANGE,
        "applying",
        "apply",
        "Apply a saved plan, or continue one that was interrupted.",
        f"{_READ} and those of the changes: group.membership.add, .edit, .delete",
    ),
    "undo": CommandEntry(
        _CHANGE, "applying", "undo", "Make a plan that undoes what apply has changed.", _READ
    ),
    "restore": CommandEntry(
        _CHANGE,
        "restoring",
        "restore",
        "Make a plan that makes a group again what a review says it was.",
        f"group.read, {_READ}, group.sso.read and group.user.read",
    ),
    "offboard": CommandEntry(
        _CHANGE,
        "offboarding",
        "offboard",
        "Remove people from every group that you can see.",
        f"{_READ}, group.org.list and group.membership.delete",
    ),
    "delete-sso-users": CommandEntry(
        _CHANGE,
        "accounts",
        "delete_sso_users",
        "Delete the Snyk accounts of SSO users, everywhere in Snyk.",
        f"{_READ}, group.org.list, group.sso.read, group.user.read and group.user.delete",
    ),
    "whoami": CommandEntry(
        _OTHER, "whoami", "whoami", "Show which token and region are used, and what they can see."
    ),
    "fake": CommandEntry(_OTHER, "serving", "fake", "Serve an example of the API on this machine."),
    "demo": CommandEntry(_OTHER, "serving", "demo", "Show what the SDK does, on an example in memory."),
    "completion": CommandEntry(
        _OTHER, "completion", "completion", "Print the completion script for bash, zsh or fish."
    ),
}
