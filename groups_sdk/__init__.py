"""The Python SDK for the Snyk Groups API: see who is in your groups, with what role, and change it safely.

    async with AsyncGroupsClient() as client:  # or, without async and await: with GroupsClient() as client
        async for membership in client.list_memberships(group_id):
            print(membership.user.email, membership.role.name)

    clients        AsyncGroupsClient and GroupsClient; `client.access` has everyday jobs such as a review
    settings       Region, RetryPolicy, RateLimit
    credentials    ApiToken, BearerToken, OAuthClientCredentials, SnykCliCredentials
    listings       AsyncPaginator and Paginator, Page
    models         Group, GroupMembership, User, Role, Org, OrgMembership, SsoConnection, SsoUser
    answers        ApiResponse, Headers, Wait
    errors         GroupsError and its subclasses: `help("groups_sdk.errors")` shows the tree

    groups_sdk.access     what the jobs return: Review, Plan, Outcome, ...
    groups_sdk.testing    FakeSnyk, a Groups API in memory for your own tests

`help("groups_sdk.GroupsClient")` shows one name. Below are all of them.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from groups_sdk._version import __version__ as __version__


@cache
def _homes() -> dict[str, str]:
    """The module of each public name, as listed in `__init__.pyi`."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: node.module or "" for node in imports for alias in node.names}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    home = None if name.startswith("_") else _homes().get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_homes())
