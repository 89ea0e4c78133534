"""One call, from a request value to its answer: credentials, version, limits, retries, deadline, errors.

The only room that imports httpx; nothing of httpx leaves it. `sending` has the loop that sends until there is an
answer, `pool` what clients share, and `outcomes` says what answers and failures mean.
"""

from __future__ import annotations

from groups_sdk.transport.pool import Pool
from groups_sdk.transport.sending import Options, Transport

__all__ = ["Options", "Pool", "Transport"]
