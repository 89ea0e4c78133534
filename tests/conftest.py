"""Shared by all tests: both event loops, and nothing of the developer's own settings."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
import trustme
from hypothesis import HealthCheck, settings
from support import clock, extent

# Nothing fails because it takes long.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")

# In the background of a shell interrupts are ignored, and the programs that tests start would ignore them too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Modules, tests and their arguments stay until the end: many tests collect garbage, and need not search them."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    return f"share of what is drawn at random: {extent.SHARE:g}"


CERTIFICATES = {
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Each `anyio` test runs on both event loops, whose clocks `support.clock.skip` puts forward."""
    return request.param, clock.options(request.param)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Issues certificates that nobody believes who was not told to."""
    return trustme.CA()


@pytest.fixture(autouse=True, scope="session")
def few_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """In place of certifi's list, which takes 40 ms to read, again for each client of httpx; nothing here needs it."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("authorities") / "nobody.pem"
        trustme.CA().cert_pem.write_to_path(str(path))
        patch.setattr(certifi, "where", lambda: str(path))
        yield


@pytest.fixture(autouse=True)
def no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person who runs the tests is seen by them: no SNYK_* variable, configuration file or proxy."""
    for name in os.environ:
        if name.startswith("SNYK_") or name.lower().endswith("_proxy") or name in CERTIFICATES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
