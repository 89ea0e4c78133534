"""Access that has an end, as a plan shows it."""

from datetime import datetime

import attrs

from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk._terminal import printable
from groups_sdk.access._plan.until import shown_moment

__all__ = ["Ending"]


@attrs.frozen(kw_only=True)
class Ending(Serializable):
    """Access that ends, or has ended: somebody in the desired state whose row has `until`.

    `who` is what the desired state says of the person. They have `role` until `until`, and then the role `then`; None
    is their removal from the group. Both roles are names, or ids where the API does not tell the name. `str(ending)` is
    a line such as "ada@example.com: Group Admin until 2026-12-31 17:00 UTC, then Group Member".
    """

    who: str
    role: str
    then: str | None
    until: datetime
    group_id: str

    def __str__(self) -> str:
        then = "removed" if self.then is None else self.then
        return printable(f"{self.who}: {self.role} until {shown_moment(self.until)}, then {then}")


set_module("groups_sdk.access", globals(), ["Ending"])
