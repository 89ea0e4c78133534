"""Writes the synchronous client from the asynchronous one: `python -m groups_sdk._codegen [--check]`."""
