"""Nothing is changed before somebody has said so, on the terminal or with --yes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from groups_sdk._terminal import printable
from groups_sdk.cli._exit_codes import FAILED, CommandError

__all__ = ["confirm", "confirm_number", "list_steps", "require_somebody"]


def require_somebody(*, yes: bool, dry_run: bool) -> None:
    """Raise `CommandError` when a change could not be confirmed. To be called before anything is sent."""
    if not (yes or dry_run or (sys.stdin.isatty() and sys.stderr.isatty())):
        raise CommandError(
            "Cannot ask for confirmation here (no terminal). Add --yes to go on, or --dry-run to look first."
        )


def list_steps(steps: Sequence[str]) -> None:
    """Say on stderr what will be done."""
    for step in steps:
        print(f"  {printable(step)}", file=sys.stderr)


def confirm(question: str, steps: Sequence[str], *, yes: bool) -> None:
    """List on stderr what will be done, and ask. Returns when the answer is yes; only "y" and "yes" are.

    Raises `CommandError` when it is not.
    """
    list_steps(steps)
    if not yes and _ask(f"{question} [y/N]") not in ("y", "yes"):
        raise CommandError("not confirmed: nothing was changed", FAILED)


def confirm_number(question: str, number: int) -> None:
    """Ask for the number of things that are about to be lost. Raises `CommandError` when the answer is another."""
    if _ask(question) != str(number):
        raise CommandError(f"not confirmed (the number is {number}): nothing was changed", FAILED)


def _ask(question: str) -> str:
    print(f"{printable(question)} ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print(file=sys.stderr)
    return answer.strip().lower()
