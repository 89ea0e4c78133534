"""Settings of the network that come from environment variables, or from arguments in their place."""

from __future__ import annotations

import os

import attrs

from groups_sdk.errors import ConfigurationError

__all__ = ["Setting", "argument", "variable"]


@attrs.frozen
class Setting:
    """The text of a setting, which may contain a password, and the argument or variable that it comes from."""

    source: str
    text: str = attrs.field(repr=False)


def argument(name: str, value: object) -> Setting | None:
    """An argument that is a text. Raises `ConfigurationError` when it is something else."""
    if value is None or isinstance(value, str):
        return None if value is None else Setting(name, value.strip())
    kind = type(value).__name__
    del value  # so that a traceback with locals does not show it
    raise ConfigurationError(f"{name}: must be a string, not {kind}")


def variable(*names: str) -> Setting | None:
    """The first of these environment variables that is set. A blank one counts as not set.

    Raises `ConfigurationError` when the value is in quotation marks: files that are not read by a shell keep them.
    """
    for name in names:
        setting = Setting(name, os.environ.get(name, "").strip())
        if setting.text:
            if setting.text[0] in "\"'" or setting.text[-1] in "\"'":
                raise ConfigurationError(f"{name}: the value is in quotation marks; remove them")
            return setting
    return None
