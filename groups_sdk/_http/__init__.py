"""One call, from a request value to its answer: credentials, version, limits, retries, deadline, errors.

The only package that imports httpx, in `library`; nothing of httpx leaves it.
"""
