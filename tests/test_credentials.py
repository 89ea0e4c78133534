"""Credentials show nothing, and access tokens are renewed once, in time."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from groups_sdk import (
    ApiToken,
    BearerToken,
    ConfigurationError,
    OAuthClientCredentials,
)
from groups_sdk._credentials import Credentials

SECRET = "s3cr3t-" + "value"


@pytest.mark.parametrize(
    "credentials", [ApiToken(SECRET), BearerToken(SECRET), OAuthClientCredentials("id", SECRET)]
)
def test_credentials_show_nothing(credentials: Credentials) -> None:
    assert SECRET not in repr(credentials)
    assert credentials.secrets() == (SECRET,)


@pytest.mark.parametrize(
    "wrong", ["", "  ", f"{SECRET}\n", f"{SECRET} x", f"{SECRET}é", f"{SECRET}\x00", 5, None]
)
def test_what_cannot_be_a_token_is_refused_without_showing_it(wrong: Any) -> None:
    for make in (
        ApiToken,
        BearerToken,
        lambda w: OAuthClientCredentials("id", w),
        lambda w: OAuthClientCredentials(w, "s"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make(wrong)
        own = caught.value.__traceback__
        while own is not None and "test_credentials.py" in own.tb_frame.f_code.co_filename:
            own = own.tb_next
        shown = "".join(
            traceback.TracebackException(type(caught.value), caught.value, own, capture_locals=True).format()
        )
        assert SECRET not in shown


def test_a_kind_of_credentials_must_tell_its_secrets() -> None:
    with pytest.raises(NotImplementedError):
        Credentials().secrets()
