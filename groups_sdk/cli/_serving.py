"""`groups-sdk fake` and `groups-sdk demo`: to try things on, with no account and no network."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from groups_sdk.cli import _runner as runner
from groups_sdk.cli._exit_codes import DONE

__all__ = ["demo", "fake"]


def fake(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="The port to listen on; 0: any that is free.")
    ] = 0,
    members: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="One group with that many members, in place of the example."),
    ] = None,
) -> int:
    """Serve a Groups API in memory on this machine, until Ctrl-C.

    Prints the lines that lead a shell's programs there. Changes are lost at the end.
    """
    return runner.run(
        lambda: _serve(port, members), prog=context.find_root().info_name or "groups-sdk", needs=""
    )


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


def demo(context: typer.Context) -> int:
    """Show what the SDK does, on a Groups API in memory."""
    return runner.run(_demo, prog=context.find_root().info_name or "groups-sdk", needs="")


def _demo() -> int:
    from groups_sdk.cli import _demo as demo

    demo.run()
    return DONE
