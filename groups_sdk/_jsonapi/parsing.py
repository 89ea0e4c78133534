"""Bytes to JSON values: by orjson where it is installed, otherwise by the standard library, with the same results."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Callable
from typing import Any

__all__ = ["parse", "parse_plainly"]

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_plainly(content: bytes) -> Any:
    """What `orjson.loads` returns or refuses, done with the standard library."""
    text = content.decode()
    value = json.loads(text, parse_constant=_refuse, parse_int=_integer, parse_float=_finite)
    if _SURROGATE.search(text):
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


_loads: Callable[[bytes], Any]
try:
    import orjson
except ImportError:  # without the extra "speed"
    _loads = parse_plainly
else:
    _loads = orjson.loads


def parse(content: bytes) -> Any:
    """The JSON value in the bytes. Raises `ValueError` or `RecursionError` when they are not JSON.

    UTF-8 only, with a byte order mark or without; no NaN, no infinity, no lone surrogate; integers of more than 64 bits
    become floats.
    """
    return _loads(content.removeprefix(codecs.BOM_UTF8))
