"""Wire documents to models and back. The only room that says data, attributes and relationships.

`parsing` turns bytes into JSON values, `documents` reads and writes whole documents, `resources` makes models of what
is in them, and `error_documents` finds out what an error's body says.
"""

from __future__ import annotations

from groups_sdk._jsonapi.documents import decode_one, decode_page, membership_creation, role_change
from groups_sdk._jsonapi.errors import decode_errors

__all__ = ["decode_errors", "decode_one", "decode_page", "membership_creation", "role_change"]
