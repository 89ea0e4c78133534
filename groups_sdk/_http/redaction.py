"""Takes secrets out of texts: some gateways repeat the request, token and all, in their error pages and headers.

A secret is found in upper and lower case, encoded as in a URL, in JSON or in HTML, and in base64, also within a longer
one such as that of `Authorization: Basic`. One that is shorter than eight characters is never looked for: it would be
found in words that have nothing to do with it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from urllib.parse import quote, quote_plus

__all__ = ["redact", "redact_all"]

_SHORTEST = 8  # characters
_ENCODED_AT_MOST = 2  # times: a URL in JSON, say
_HIDDEN = "***"
_TAKEN = "\0"  # stands in the decoded text for what was hidden

_ENCODED = re.compile(r"%[0-9a-fA-F]{2}|\\u00[0-9a-fA-F]{2}|\\.|&#?[0-9a-zA-Z]{1,6};", re.DOTALL)
_LOWER = {ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}  # keeps the length
_URL_SAFE = str.maketrans("+/", "-_")

# What to look for, in lower case; and how many characters in front of it and behind it have a part of the secret.
_Needle = tuple[str, int, int]


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """The text with `***` in place of each secret, plain or encoded; at its end, of the beginning of one, too."""
    needles = tuple(needle for secret in secrets for needle in _needles(secret))
    if not _is_in(text, needles):
        return text
    # What is there, and the one character that each piece of it stands for.
    pieces, decoded = list(text), text
    for _ in range(1 + _ENCODED_AT_MOST):
        hidden: list[str] = []
        revealed: list[str] = []
        position = 0
        for start, end in _merged(_spans(decoded, needles)):
            hidden += (*pieces[position:start], _HIDDEN)
            revealed += (decoded[position:start], _TAKEN)
            position = end
        pieces, decoded = hidden + pieces[position:], "".join(revealed) + decoded[position:]
        pieces, decoded = _decode(pieces, decoded)
    return "".join(pieces)


def redact_all(texts: list[str], secrets: tuple[str, ...]) -> list[str]:
    """Each of the texts redacted. Where there is no secret in any of them, which is most often so, it is quick."""
    needles = tuple(needle for secret in secrets for needle in _needles(secret))
    if not _is_in("\n".join(texts), needles):
        # There the end of one text is not the end of all; and the beginning of a secret may stand there.
        sought = "\n".join(needle for needle, _, _ in needles)
        if not any(_ends_within(text, sought) for text in texts):
            return texts
    return [redact(text, secrets) for text in texts]


def _ends_within(text: str, sought: str) -> bool:
    """Whether the end of a text may be the beginning of what is sought."""
    for _ in range(1 + _ENCODED_AT_MOST):
        if len(text) >= _SHORTEST and _lower(text[-_SHORTEST:]) in sought:
            return True
        decoded = _decoded(text)
        if decoded == text:
            return False
        text = decoded
    return False


@lru_cache(maxsize=32)
def _needles(secret: str) -> tuple[_Needle, ...]:
    """What a secret looks like in a text that has been decoded."""
    if len(secret) < _SHORTEST:
        return ()
    needles: dict[_Needle, None] = {}
    for form in (secret, quote(secret, safe=""), quote_plus(secret), secret.encode().decode("latin-1")):
        needles[(_lower(form), 0, 0)] = None
        for text, before, after in _in_base64(form.encode()):
            for alphabet in (text, text.translate(_URL_SAFE)):
                needles[(_lower(alphabet), before, after)] = None
    return tuple(needles)


def _in_base64(secret: bytes) -> Iterator[_Needle]:
    """The secret in base64 after none, one or two other bytes; without the characters that these have a part in."""
    for others in range(3):
        bits = 8 * (others + len(secret))
        encoded = b64encode(bytes(others) + secret).decode()
        yield encoded[(others * 8 + 5) // 6 : bits // 6], min(others, 1), min(bits % 6, 1)


def _is_in(text: str, needles: tuple[_Needle, ...]) -> bool:
    for _ in range(1 + _ENCODED_AT_MOST):
        if next(_spans(text, needles), None) is not None:
            return True
        decoded = _decoded(text)
        if decoded == text:
            return False
        text = decoded
    return False


def _spans(text: str, needles: tuple[_Needle, ...]) -> Iterator[tuple[int, int]]:
    """Where secrets are, and at the end of the text the beginning of one: texts are cut, and answers break off."""
    text = _lower(text)
    for needle, before, after in needles:
        start = text.find(needle)
        while start >= 0:
            end = start + len(needle)
            yield max(start - before, 0), min(end + after, len(text))
            start = text.find(needle, end)
        if text[-_SHORTEST:] in needle:  # or else there is no need to try every length
            for length in range(min(len(needle) - 1, len(text)), _SHORTEST - 1, -1):
                if text.endswith(needle[:length]):
                    yield max(len(text) - length - before, 0), len(text)
                    break


def _lower(text: str) -> str:
    """The text with the letters A to Z in lower case; every other character stays, and so does its length."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _decoded(text: str) -> str:
    if not (
        "%" in text or "\\" in text or "&" in text
    ):  # which takes much less time than the search for codes
        return text
    return _ENCODED.sub(lambda found: _character(found[0]), text)


def _merged(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _decode(pieces: list[str], text: str) -> tuple[list[str], str]:
    """Both with one piece for each code in the text, which is decoded."""
    joined: list[str] = []
    decoded: list[str] = []
    position = 0
    for found in _ENCODED.finditer(text):
        start, end = found.span()
        joined += (*pieces[position:start], "".join(pieces[start:end]))
        decoded += (text[position:start], _character(found[0]))
        position = end
    return joined + pieces[position:], "".join(decoded) + text[position:]


def _character(code: str) -> str:
    """The one character that a percent code, a backslash escape or an HTML entity stands for."""
    if code[0] == "&":
        character = unescape(code)
        return character if len(character) == 1 else _TAKEN
    digits = code[1:] if code[0] == "%" else code[2:]
    return chr(int(digits, 16)) if digits else code[1]
