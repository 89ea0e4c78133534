"""`groups-sdk completion`: the script that makes a shell complete commands, options, regions and groups."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from groups_sdk.cli._command import local_command
from groups_sdk.cli._exit_codes import DONE
from groups_sdk.cli._output import say
from groups_sdk.cli._parameters import Argument

__all__ = ["completion"]

_PROGRAM = "groups-sdk"
_VARIABLE = "_GROUPS_SDK_COMPLETE"  # what click reads


@local_command(
    "completion",
    Argument("shell", "bash, zsh or fish.", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL"),
    details="""\b
bash:  eval "$(groups-sdk completion bash)"  in ~/.bashrc
zsh:   eval "$(groups-sdk completion zsh)"   in ~/.zshrc, below compinit
fish:  groups-sdk completion fish > ~/.config/fish/completions/groups-sdk.fish""",
)
def completion(shell: str) -> int:
    from groups_sdk.cli._app import app

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows all three
    say(kind(app, {}, _PROGRAM, _VARIABLE).source())
    return DONE
