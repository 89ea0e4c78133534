"""What the SDK costs, as ratios to other ways of doing the same: `nox -s bench`, `nox -s bench -- 1 7` for some rows.

Nothing here is collected as a test. A row compares two sides, which take turns. Each side runs in a process of an
environment as users have it, since a package that another one brings can make it faster or slower: `environments`
starts that process and `worker` is what runs in it. `ours`, `bare` and `peers` are the sides, `server` is what they
talk to. `listing`, `decoding`, `calls`, `reading_ahead`, `memory`, `starting`, `reviewing`, `applying` and `observing`
are the rows, `measuring` the rounds and the table.

To develop, run `python -m benchmarks` in the directory above, with any Python that has the package and orjson.
"""
