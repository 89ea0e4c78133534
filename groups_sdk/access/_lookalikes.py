"""When two addresses that are not the same look the same.

Whoever may choose an address could choose one that is taken for somebody else's, and get the role that was meant for
them: a look-alike is never taken for the same, and never passed over in silence.
"""

from __future__ import annotations

import unicodedata

__all__ = ["skeleton"]

# Letters of other scripts that are drawn like letters of ours, where neither compatibility forms nor case folding
# lead from one to the other.
_DRAWN_ALIKE = {
    "a": "аɑα",
    "b": "ЬƄь",
    "c": "сϲᴄ",
    "d": "ԁɗ",
    "e": "еҽє",
    "f": "ƒẝ",
    "g": "ɡց",
    "h": "һհ",
    "i": "іıιɩɪӏ",
    "j": "јϳ",
    "k": "κкᴋ",
    "l": "ⅼǀןӏ",
    "m": "мᴍ",
    "n": "ոη",
    "o": "оοօσᴏ",
    "p": "рρ",
    "q": "ԛգ",
    "r": "гᴦ",
    "s": "ѕꜱ",
    "t": "тτᴛ",
    "u": "υսᴜ",
    "v": "νѵᴠ",
    "w": "ԝωᴡ",
    "x": "хχ×",
    "y": "уγү",
    "z": "ᴢʐ",
    "-": "‐‑‒–—−﹘",
    ".": "。․·",
    "@": "﹫",
    "_": "ˍ",
    "'": "’‘ʼ",
}
_PLAIN = {ord(other): letter for letter, others in reversed(_DRAWN_ALIKE.items()) for other in others}
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Zs", "Mn", "Me"}


def skeleton(text: str) -> str:
    """The text as it looks: equal for texts that a reader may take for each other.

    Differences that go: Unicode normalisation, case, the IDNA form of a domain, invisible characters, and letters of
    other scripts that are drawn like ASCII ones. An accent stays: it is seen.
    """
    local, at, domain = text.rpartition("@")
    text = local + at + ".".join(map(_from_punycode, domain.split(".")))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = folded.translate(_PLAIN)
    seen = "".join(char for char in plain if unicodedata.category(char) not in _INVISIBLE)
    return unicodedata.normalize("NFC", seen)


def _from_punycode(label: str) -> str:
    if not label.lower().startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
