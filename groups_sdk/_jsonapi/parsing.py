"""Bytes to JSON values: orjson where it is installed, the standard library otherwise, with the same results."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

__all__ = ["parse", "parse_plainly"]

_HALF_OF_A_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


def parse_plainly(content: bytes) -> Any:
    """The standard library's reading, held to what orjson accepts and returns."""
    text = content.decode()
    value = json.loads(text, parse_constant=_refuse, parse_int=_integer, parse_float=_finite)
    if _HALF_OF_A_PAIR.search(text):
        json.dumps(value, ensure_ascii=False).encode()  # a UnicodeEncodeError where the other half is missing
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int | float:
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else _finite(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number too large")
    return number


parse: Callable[[bytes], Any]
"""The JSON value that the bytes hold. Raises `ValueError` or `RecursionError` when they hold none.

UTF-8 only; no NaN, no infinity, no half of a surrogate pair; integers of more than 64 bits become floats.
"""
try:
    import orjson
except ImportError:  # without the extra "speed"
    parse = parse_plainly
else:
    parse = orjson.loads
