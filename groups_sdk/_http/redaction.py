"""Takes secrets out of texts: some gateways repeat the request, token and all, in their error pages."""

from __future__ import annotations

import re
from html import unescape

__all__ = ["redact"]

_UNIT = re.compile(r"%[0-9a-fA-F]{2}|\\u00[0-9a-fA-F]{2}|\\.|&#?[0-9a-zA-Z]{1,6};|.", re.DOTALL)
_ENCODED_AT_MOST = 2  # times: a URL in JSON, say


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """The text with `***` in place of each secret, plain or encoded as in a URL, in JSON or in HTML."""
    # What is there, and the one character that each piece of it stands for.
    pieces, decoded = list(text), text
    for _ in range(1 + _ENCODED_AT_MOST):
        for secret in secrets:
            while (start := decoded.find(secret)) >= 0:
                end = start + len(secret)
                pieces[start:end] = ["***"]
                decoded = f"{decoded[:start]}\0{decoded[end:]}"
        spans = [match.span() for match in _UNIT.finditer(decoded)]
        if len(spans) == len(decoded):  # nothing is encoded
            break
        pieces = ["".join(pieces[start:end]) for start, end in spans]
        decoded = "".join(_decode(decoded[start:end]) for start, end in spans)
    return "".join(pieces)


def _decode(unit: str) -> str:
    """The character that a percent code, a backslash escape or an HTML entity stands for; most units are plain."""
    if len(unit) == 1:
        return unit
    if unit[0] == "&":
        character = unescape(unit)
        return character if len(character) == 1 else "\0"
    digits = unit[1:] if unit[0] == "%" else unit[2:]
    return chr(int(digits, 16)) if digits else unit[1]
