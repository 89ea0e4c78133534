"""Random trouble: both clients against FakeSnyk, behind a proxy that breaks a good part of the exchanges.

`proxy` stands between them and does what `faults` draws for each request: refuse, reset, stall, cut, lie about lengths,
answer for the service. `world` has the fake and the people in it; each worker (`scenario`) owns some of them, so that
what becomes of them is known step by step from what the client reports: applied, not applied, unknown. `running`
lets workers share one client, as tasks or as threads. `audit` holds the fake's state, and its record of requests,
against the reports: nothing lost, nothing done twice, nothing claimed that did not happen.

A step's trouble depends on the seed and the step alone, not on what other workers do meanwhile, so a seed that fails
mostly fails again:

    CHAOS_SEEDS=17 CHAOS_STEPS=400 python -m pytest tests/chaos

Both may be larger there, CHAOS_SEEDS also a range such as 100-199; `nox -s chaos -- 100-199 400` does the same.
"""
