"""What the jobs send is what they need: each look and guard has its reason, and none is made without one.

`pytest -s` prints the table: job, members, requests sent, requests needed, and what for. Row 24 of the benchmarks
prints it for all jobs in groups of 36, 2,000 and 20,000.
"""

from __future__ import annotations

import pytest
from support.needed import JOBS, Job, spent

# In large groups, only the jobs that do not list everybody: what those need grows by the page.
CHEAP = [job for job in JOBS if job.cheap]


@pytest.mark.unmeasured
@pytest.mark.parametrize(("members", "jobs"), [(36, JOBS), (250, JOBS), (2_000, CHEAP), (20_000, CHEAP)])
def test_no_request_is_sent_that_is_not_needed(members: int, jobs: list[Job]) -> None:
    table = [*spent(members, jobs)]
    for one in table:
        print(one)
    assert [str(one) for one in table if one.requests != sum(one.needed.values())] == []
