"""What is said to who uses an object in a way that Python itself could only refuse without a hint."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["Refusal", "refuse"]


class Refusal:
    """A special method that raises a `TypeError`. Type checkers do not see it, and go on to report the mistake."""

    def __init__(self, text: str) -> None:
        self.text: str = text

    def __call__(self, *_: object) -> NoReturn:
        raise TypeError(self.text)


def refuse(cls: type, text: str, *names: str) -> None:
    """Have these special methods of a class raise a `TypeError` with this text."""
    for name in names:
        setattr(cls, name, Refusal(text))
