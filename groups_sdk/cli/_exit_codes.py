"""The exit codes. `SUMMARY` lists them. Where several apply, 1 goes before 5."""

from __future__ import annotations

__all__ = [
    "DIFFERENT",
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "NETWORK",
    "NOT_AUTHORISED",
    "NOT_FOUND",
    "RATE_LIMITED",
    "SUMMARY",
    "USAGE",
    "CommandError",
]

DONE, FAILED, USAGE, NOT_AUTHORISED, NOT_FOUND, DIFFERENT, RATE_LIMITED, NETWORK = range(8)
INTERRUPTED = 130

SUMMARY = {
    DONE: "done",
    FAILED: "some of it failed, or cannot be planned; or any other error",
    USAGE: "wrong usage or settings; nothing was changed",
    NOT_AUTHORISED: "not authorised",
    NOT_FOUND: "not found",
    DIFFERENT: "there are differences or findings (plan, review and hygiene, with --exit-code)",
    RATE_LIMITED: "the API's rate limit was still exceeded after all retries",
    NETWORK: "the API cannot be reached, or did not answer in time",
    INTERRUPTED: "interrupted (Ctrl-C)",
}


class CommandError(Exception):
    """A command cannot do what it was asked for. `code` is its exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code
