"""One call, from a request value to its answer: credentials, version, limits, retries, deadline, errors.

The only package that imports httpx; nothing of httpx leaves it.
"""
