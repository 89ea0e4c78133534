"""GENERATED: the synchronous twins of the public asynchronous classes. Written by `nox -s generate`."""
