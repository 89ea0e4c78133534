"""Tokens as Snyk makes them, with made-up signatures, and the Snyk CLI's file with them in it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SIGNATURE = "c2lnbmF0dXJl"
LOGIN_KEY = "INTERNAL_OAUTH_TOKEN_STORAGE"


def pat(host: object, *, kind: str = "snyk_uat", last: bool = False) -> str:
    """A personal access token of a host."""
    return pat_of(json.dumps({"j": "id", "h": host}).encode(), kind=kind, last=last)


def pat_of(claims: bytes, *, kind: str = "snyk_uat", last: bool = False) -> str:
    """A personal access token with this payload, in the place before the last or in the last."""
    payload = encoded(claims)
    return f"{kind}.a1b2c3d4.{SIGNATURE if last else payload}.{payload if last else SIGNATURE}"


def jwt(*, header: object = None, **claims: object) -> str:
    """A JSON web token with these claims."""
    parts = [{"alg": "RS256", "typ": "JWT"} if header is None else header, claims]
    return ".".join([*(encoded(json.dumps(part).encode()) for part in parts), SIGNATURE])


def encoded(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def cli_login(token: object, *, expires_in: timedelta = timedelta(hours=1), **members: object) -> str:
    """What the Snyk CLI stores after `snyk auth`."""
    expiry = (datetime.now(UTC) + expires_in).isoformat()
    login = {
        "access_token": token,
        "token_type": "Bearer",
        "refresh_token": "refresh-5ec2e7",
        "expiry": expiry,
    }
    return json.dumps(login | members)


def write_cli_file(path: Path, **members: Any) -> Path:
    """The Snyk CLI's file with these members."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(members), encoding="utf-8")
    return path
