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

from groups_sdk._public import lazy_names
from groups_sdk._version import __version__ as __version__

__getattr__, __dir__ = lazy_names(globals())
