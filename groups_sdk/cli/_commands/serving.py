"""`groups-sdk fake` and `groups-sdk demo`: to try things on, with no account and no network."""

from __future__ import annotations

import os
import sys

import click

from groups_sdk.cli._command import local_command
from groups_sdk.cli._exit_codes import DONE
from groups_sdk.cli._parameters import Option

__all__ = ["demo", "fake"]


@local_command(
    "fake",
    Option(
        "--port",
        type=click.IntRange(0, 65535),
        default=0,
        metavar="N",
        help="The port to listen on. Default: any free one.",
    ),
    Option(
        "--members",
        type=click.IntRange(min=1),
        metavar="N",
        help="Serve one group with N members instead of the example.",
    ),
    details="""Prints the lines that point a shell's programs to it, and runs until Ctrl-C. Changes are lost at the
end.""",
)
def fake(port: int, members: int | None) -> int:
    return _serve(port, members)


def _serve(port: int, members: int | None) -> int:
    from groups_sdk.cli._loopback_server import LoopbackServer
    from groups_sdk.testing import FakeSnyk

    snyk = FakeSnyk.example() if members is None else FakeSnyk.with_members(members)
    group = next(group for group in snyk.groups() if group.id == snyk.group_id)
    with LoopbackServer(snyk, port) as server:
        print(f"export SNYK_API={server.url}")
        print(f"export SNYK_TOKEN={snyk.TOKEN}")
        if os.environ.get("SNYK_OAUTH_TOKEN"):
            print("unset SNYK_OAUTH_TOKEN")  # it would count before the other one
        sys.stdout.flush()
        print(
            f"serving {group.name} ({group.id}) and all that belongs to it on {server.url}; Ctrl-C ends it",
            file=sys.stderr,
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("ended", file=sys.stderr)  # its only end, and so no failure
    return DONE


@local_command("demo")
def demo() -> int:
    from groups_sdk.cli import _demo as demo

    demo.run()
    return DONE
