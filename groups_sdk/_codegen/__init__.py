"""Writes the synchronous classes from the asynchronous ones: `python -m groups_sdk._codegen [--check]`."""
