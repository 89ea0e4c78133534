"""One reviewed member: what counts as admin and as single sign-on."""

from __future__ import annotations

import attrs
import pytest
from support.reviews import member

from groups_sdk import GroupsError, Role, ServerError
from groups_sdk.access._review.member import SSO_LOGIN_METHODS, is_sso
from groups_sdk.access._roles import is_admin_role


@pytest.mark.parametrize(
    ("name", "admin"),
    [
        ("Group Admin", True),
        (" GROUP admin\n", True),
        ("Group Admin\u00a0", False),
        ("Group Adm\u0131n", False),
        ("\uff27roup Admin", False),
        ("Group Administrator", False),
        ("", False),
        (None, False),
    ],
)
def test_only_the_role_of_that_name_is_admin(name: str | None, admin: bool) -> None:
    assert is_admin_role(Role("x", name)) is admin
    assert is_admin_role(None) is False


@pytest.mark.parametrize(
    ("method", "sso"),
    [(" SAML ", True), ("oidc", True), ("\u017faml", False), ("o\u212ata", False), ("", False), (None, None)],
)
def test_login_methods_are_compared_without_regard_to_ascii_case_only(
    method: str | None, sso: bool | None
) -> None:
    assert is_sso(method, SSO_LOGIN_METHODS) is sso


def test_members_with_the_same_text_of_an_error_are_equal() -> None:
    error = ServerError(status_code=500)
    one, other = (attrs.evolve(member("1"), org_error=e) for e in (error, GroupsError(str(error))))
    assert one == other
    assert hash(one) == hash(other)
    assert one != member("1")
    assert one != attrs.evolve(one, org_error=GroupsError("another"))
