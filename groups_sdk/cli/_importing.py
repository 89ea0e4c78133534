"""Imports httpx without the command line that httpx has itself, which nothing here uses."""

from __future__ import annotations

import sys
import threading
from importlib import import_module

__all__ = ["import_httpx"]


def import_httpx() -> None:
    """Import httpx as it is where rich is not installed, unless that was imported before.

    Where click and rich are installed, as they are here, `import httpx` also imports rich and Pygments, for a command
    of its own. That takes nearly as long as the rest of httpx. A None in `sys.modules` has Python say that a module
    cannot be found, which httpx is prepared for. It would say so to other threads too: while there are any, httpx is
    left to be imported as usual.
    """
    if {"httpx", "rich"} & sys.modules.keys() or threading.active_count() > 1:
        return
    sys.modules["rich"] = None  # type: ignore[assignment] # typeshed does not know of it
    try:
        import_module("groups_sdk._http.library")
    finally:
        del sys.modules["rich"]
