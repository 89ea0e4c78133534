"""What the SDK costs, as ratios to other ways of doing the same: `nox -s bench`, `nox -s bench -- 1 7` for some rows.

Nothing here is collected as a test. `server` is what is measured against, `measuring` the rounds and the table; the
other modules are the rows, and `others` what they are compared with.
"""
