"""JSON:API documents to models, and changes to documents. Nothing outside knows of data, attributes and relationships.

`parsing` turns bytes into JSON values, `documents` reads and writes whole documents, `resources` makes models of the
resources in them with the readers of `values`, and `errors` reads the bodies of error responses.
"""

from __future__ import annotations

from groups_sdk._jsonapi.documents import (
    decode_one,
    membership_creation,
    open_page,
    role_change,
)
from groups_sdk._jsonapi.errors import decode_errors, is_error_document

__all__ = [
    "decode_errors",
    "decode_one",
    "is_error_document",
    "membership_creation",
    "open_page",
    "role_change",
]
