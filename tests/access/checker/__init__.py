"""A model of the world for the jobs that change who is in a group: random worlds, random trouble, and a referee.

`world.world(seed)` makes groups with people as they occur: odd names, several accounts of one address, look-alikes,
roles of one name, several admins. `trouble` draws what happens to the n-th request: an error before or after it is
carried out, a listing that is not whole, another admin's change just before. `service.CheckedSnyk` is the FakeSnyk
that lets it happen, and writes a `history`: every request and every change, with the state before and after.
`referee` holds what a job claims against that history.

Everything depends on the seed and the number of the request alone, so a seed that fails fails again, as long as the
job sends the same requests in the same order (concurrency=1).
"""
