"""Make README's relative links absolute, for PyPI, which shows README but none of the files beside it.

    python .github/docs/pypi_readme.py https://forge.example/OWNER/NAME/blob/v0.1.0

The release workflow runs this on its own checkout before it builds. The repository itself keeps relative links, which
work on every forge, in every fork and on disk.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def absolute(text: str, base: str) -> str:
    """The text with every link to a file below `base`; links within the page and to other sites stay."""
    return re.sub(r"\]\((?!#|[a-z]+:)([^)\s]+)\)", rf"]({base.rstrip('/')}/\1)", text)


if __name__ == "__main__":
    (base,) = sys.argv[1:]
    README.write_text(absolute(README.read_text(encoding="utf-8"), base), encoding="utf-8")
