"""Many worlds, each with one job in it. A seed that fails prints how it is repeated."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from access.checker.hygiene import play_hygiene
from access.checker.migrating import play_migration
from access.checker.offboarding import play_offboarding
from access.checker.playing import play, play_alike
from access.checker.referee import Violation
from support.extent import share


def _seeds() -> range:
    first, _, last = os.environ.get("CHECKER_SEEDS", f"0-{share(250) - 1}").partition("-")
    return range(int(first), int(last or first) + 1)


@pytest.mark.parametrize("seed", _seeds())
def test_what_a_job_claims_is_what_it_has_done(seed: int, tmp_path: Path) -> None:
    _referee(play, seed, tmp_path)


@pytest.mark.parametrize("seed", _seeds()[::4])
def test_who_leaves_is_gone_and_nobody_else(seed: int, tmp_path: Path) -> None:
    _referee(play_offboarding, seed, tmp_path)


@pytest.mark.parametrize("seed", _seeds()[::4])
def test_who_moves_keeps_what_they_have(seed: int, tmp_path: Path) -> None:
    _referee(play_migration, seed, tmp_path)


@pytest.mark.parametrize("seed", _seeds()[::3])
def test_who_is_cleaned_up_has_a_finding_and_nobody_else_loses_anything(seed: int, tmp_path: Path) -> None:
    _referee(play_hygiene, seed, tmp_path)


def _referee(game: Callable[[int, Path], None], seed: int, directory: Path) -> None:
    try:
        game(seed, directory)
    except Violation as violation:
        pytest.fail(
            f"{violation}\n\nOnce more: CHECKER_SEEDS={seed} python -m pytest tests/access/checker/test_checker.py",
            pytrace=False,
        )


@pytest.mark.parametrize("seed", _seeds()[::25])
def test_both_clients_and_both_event_loops_do_the_same(seed: int, tmp_path: Path) -> None:
    one, *others = play_alike(seed, tmp_path)
    assert others == [one, one]
