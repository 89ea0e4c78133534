"""What a token tells of itself. Nothing here checks a signature: only Snyk knows whether a token is good.

personal access token    snyk_uat.ID.PAYLOAD.SIGNATURE, or snyk_sat. for a service account; the payload has the
                         host of the API that it belongs to in `h`
OAuth access token       a JWT: HEADER.PAYLOAD.SIGNATURE; the payload has the API's URL in `aud`, the time of
                         expiry in `exp`, and the user in `sub`
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from groups_sdk._sources import json_object

__all__ = ["is_jwt", "is_personal", "jwt_claims", "jwt_expiry", "jwt_hosts", "personal_hosts"]

_JWT = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2}")
_PERSONAL = ("snyk_uat", "snyk_sat")


def is_personal(token: str) -> bool:
    """Whether it is a personal access token."""
    return token.partition(".")[0] in _PERSONAL


def is_jwt(token: object) -> bool:
    """Whether it is a JSON web token: three parts of base64url, the first a JSON object that names the algorithm."""
    if not isinstance(token, str) or not _JWT.fullmatch(token):
        return False
    return "alg" in (_decode(token.partition(".")[0]) or {})


def jwt_claims(token: str) -> Mapping[str, object]:
    """The claims of a JSON web token; none for any other text."""
    return (_decode(token.split(".")[1]) or {}) if is_jwt(token) else {}


def jwt_expiry(token: str) -> datetime | None:
    """When a JSON web token expires; None where it does not tell."""
    seconds = jwt_claims(token).get("exp")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):  # not a number, or too far away
        return None


def jwt_hosts(token: str) -> list[str]:
    """The hosts that a JSON web token is meant for, in lower case; what names no host is in it as it is."""
    audience = jwt_claims(token).get("aud")
    return _hosts(audience if isinstance(audience, list) else [audience])


def personal_hosts(token: str) -> list[str]:
    """The host of the API that a personal access token belongs to, in the same way; none for any other text."""
    parts = token.split(".")[1:]
    if not is_personal(token) or len(parts) != 3:
        return []
    # The host is in the part before the last, but some descriptions put it last. The other of the two is a
    # signature, which is never a JSON object, so that looking at both is safe.
    return _hosts([(_decode(part) or {}).get("h") for part in parts[1:]])


def _hosts(values: list[object]) -> list[str]:
    return [_host(value) for value in values if value is not None and value != ""]


def _host(value: object) -> str:
    if not isinstance(value, str) or "://" not in value:
        return str(value).lower()
    try:
        return urlsplit(value).hostname or value
    except ValueError:
        return value


def _decode(part: str) -> dict[str, object] | None:
    """The JSON object in one part of a token."""
    try:
        content = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return json_object(content)
