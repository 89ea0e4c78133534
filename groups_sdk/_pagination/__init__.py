"""Pages behind a cursor, as one stream of items.

A paginator is a recipe, not a connection: nothing is sent before it is iterated, every iteration starts anew, and
nothing is held open between two pages. The next page is asked for when it is wanted, or with `read_ahead` before.
"""

from __future__ import annotations

from groups_sdk._pagination.asynchronous import AsyncPaginator, AsyncReadAhead
from groups_sdk._pagination.synchronous import Paginator, ReadAhead
from groups_sdk._pagination.walks import Page
from groups_sdk._public import set_module

__all__ = ["AsyncPaginator", "AsyncReadAhead", "Page", "Paginator", "ReadAhead"]


set_module("groups_sdk", globals(), __all__)
