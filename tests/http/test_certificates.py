"""Certificates that settings name: whom the client believes, and how it shows who it is itself."""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import truststore
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support.hostile import (
    HostileServer,
    call,
    client_of,
    context_for,
    hostile_server,
)

from groups_sdk import AsyncGroupsClient, ConfigurationError, ConnectionFailedError
from groups_sdk._http.tls import default_context

# The authorities that settings name

STORES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
PASSWORD = "pa55-w0rd"


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates as people have them: ours.pem, other.pem; folders hashed, unhashed, empty; me.pem and its keys."""
    folder = tmp_path_factory.mktemp("certificates")
    authority.cert_pem.write_to_path(str(folder / "ours.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
    for name in ("hashed", "unhashed", "empty"):
        (folder / name).mkdir()
    authority.cert_pem.write_to_path(str(folder / "unhashed" / "ours.pem"))
    authority.cert_pem.write_to_path(str(folder / "hashed" / f"{hash_of(authority)}.0"))
    certificate = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    (folder / "ours.cer").write_bytes(certificate)
    (folder / "empty.pem").touch()
    for name, issuer in (("me", authority), ("stranger", trustme.CA())):
        mine = issuer.issue_cert("client@example.com")
        mine.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.pem"))
        mine.cert_chain_pems[0].write_to_path(str(folder / f"{name}.crt"))
        mine.private_key_pem.write_to_path(str(folder / f"{name}.key"))
    key = serialization.load_pem_private_key((folder / "me.key").read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )
    (folder / "locked.key").write_bytes(encrypted)
    return folder


def hash_of(authority: trustme.CA) -> str:
    """The name under which OpenSSL looks for it in a folder: `openssl rehash` gives it."""
    subject = x509.load_pem_x509_certificate(authority.cert_pem.bytes()).subject
    parts = b""
    for rdn in subject.rdns:
        (attribute,) = rdn
        text = " ".join(str(attribute.value).lower().split()).encode()
        value = b"\x0c" + bytes([len(text)]) + text
        oid = b"\x06\x03" + bytes([0x55, 0x04, int(attribute.oid.dotted_string.rpartition(".")[2])])
        pair = b"\x30" + bytes([len(oid + value)]) + oid + value
        parts += b"\x31" + bytes([len(pair)]) + pair
    return f"{int.from_bytes(hashlib.sha1(parts).digest()[:4], 'little'):08x}"


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[HostileServer]:
    with hostile_server(context_for(authority, "127.0.0.1")) as running:
        yield running


async def believed(server: HostileServer, **options: Any) -> bool:
    """Whether a client with these settings believes the server."""
    async with client_of(server, **options) as client:
        try:
            await call(client, "GET")
        except ConnectionFailedError as error:
            assert "certificate verify failed" in str(error)
            assert error.attempts == 1
            return False
    return True


@pytest.mark.anyio
async def test_authorities_in_verify(
    server: HostileServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(cafile=files / "ours.pem")
    for verify in (files / "ours.pem", str(files / "ours.pem"), files / "hashed", context):
        assert await believed(server, verify=verify)
    assert not await believed(server, verify=files / "other.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "missing.pem")
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(files / "ours.pem"))
    assert not await believed(server, verify=files / "other.pem"), "nothing else counts beside it"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"SSL_CERT_FILE": "ours.pem"}, True),
        ({"SSL_CERT_FILE": "hashed"}, True),
        ({"SSL_CERT_DIR": "hashed"}, True),
        ({"SSL_CERT_DIR": "hashed:hashed"}, True),
        ({"SSL_CERT_FILE": "other.pem", "SSL_CERT_DIR": "hashed"}, True),
        ({"SSL_CERT_FILE": "other.pem", "REQUESTS_CA_BUNDLE": "ours.pem"}, False),
        ({"REQUESTS_CA_BUNDLE": "ours.pem"}, True),
        ({"REQUESTS_CA_BUNDLE": "other.pem", "CURL_CA_BUNDLE": "ours.pem"}, False),
        ({"CURL_CA_BUNDLE": "ours.pem"}, True),
        ({"CURL_CA_BUNDLE": "hashed", "SSL_CERT_FILE": ""}, True),
        ({"NODE_EXTRA_CA_CERTS": "ours.pem"}, True),
        ({"NODE_EXTRA_CA_CERTS": "ours.pem", "CURL_CA_BUNDLE": "other.pem"}, True),
        ({"NODE_EXTRA_CA_CERTS": "other.pem", "CURL_CA_BUNDLE": "ours.pem"}, True),
        ({"NODE_EXTRA_CA_CERTS": "other.pem"}, False),
    ],
)
@pytest.mark.parametrize("truststore", [True, False])
def test_authorities_in_the_environment(
    variables: dict[str, str],
    expected: bool,
    truststore: bool,
    server: HostileServer,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not truststore:
        monkeypatch.setitem(sys.modules, "truststore", None)
    default_context.cache_clear()
    for name, value in variables.items():
        paths = [str(files / part) for part in value.split(":") if part]
        monkeypatch.setenv(name, os.pathsep.join(paths))
    assert asyncio.run(believed(server)) is expected
    default_context.cache_clear()


@pytest.mark.anyio
@pytest.mark.parametrize("installed", [True, False])
async def test_the_store_of_the_operating_system_is_used_where_its_extra_is_installed(
    installed: bool, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "truststore", None)
    default_context.cache_clear()
    kind = truststore.SSLContext if installed else ssl.SSLContext
    assert type(default_context()) is kind
    assert default_context() is default_context(), "it is built once"
    async with client_of(server) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await call(client, "GET")
    expected = "the operating system's store" if installed else "certifi's list"
    assert f"the trusted certificate authorities are those in {expected}: check them" in str(caught.value)
    default_context.cache_clear()


@pytest.mark.anyio
async def test_a_file_is_read_once_until_it_changes(
    server: HostileServer, files: Path, tmp_path: Path
) -> None:
    def context() -> ssl.SSLContext:
        network = AsyncGroupsClient("t0ken", base_url=server.url, verify=file)._caller.pool._network
        assert network is not None
        return network.tls.context()

    file = tmp_path / "authorities.pem"
    file.write_bytes((files / "other.pem").read_bytes())
    assert context() is context()
    file.write_bytes((files / "other.pem").read_bytes() + (files / "ours.pem").read_bytes())
    assert await believed(server, verify=file)
    file.unlink()
    assert "cannot be read" in settings_error(verify=file)


@pytest.mark.anyio
async def test_an_error_names_the_authorities(
    server: HostileServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.setenv(variable, str(files / "other.pem"))
    async with client_of(server) as client:
        with pytest.raises(
            ConnectionFailedError, match="those in SSL_CERT_FILE and those in NODE_EXTRA_CA_CERTS"
        ):
            await call(client, "GET")


def settings_error(**options: Any) -> str:
    """What is said of settings that are wrong."""
    with pytest.raises(ConfigurationError) as caught:
        AsyncGroupsClient("t0ken", base_url="https://api.example", **options)
    assert caught.value.__traceback__ is not None
    error = caught.value.with_traceback(caught.value.__traceback__.tb_next)
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert PASSWORD not in shown
    assert "BEGIN PRIVATE KEY" not in shown
    return str(error)


@pytest.mark.parametrize("source", ["verify", *STORES])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("missing.pem", "missing.pem' cannot be read: No such file or directory"),
        ("missing/", "' cannot be read: No such file or directory"),
        ("empty.pem", "there is no certificate in PEM form in '"),
        ("ours.cer", "there is no certificate in PEM form in '"),
        ("me.key", "there is no certificate in PEM form in '"),
        ("empty", "OpenSSL finds no certificate in the folder"),
        ("unhashed", "to prepare it: openssl rehash FOLDER"),
    ],
)
def test_authorities_that_cannot_be_read(
    source: str, path: str, expected: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {}
    if source == "verify":
        options = {"verify": f"{files}{os.sep}{path}"}
    else:
        monkeypatch.setenv(source, f"{files}{os.sep}{path}")
        assert AsyncGroupsClient("t0ken", base_url="http://localhost:1"), "which needs none"
    said = settings_error(**options)
    assert said.startswith(f"{source}: ")
    assert expected in said


def test_a_variable_in_quotation_marks(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f'"{files / "ours.pem"}"')
    assert settings_error() == "SSL_CERT_FILE: the value is in quotation marks; remove them"


@pytest.mark.parametrize(
    ("verify", "expected"),
    [
        (False, "certificates are always checked, and True or False cannot change that"),
        (True, "certificates are always checked"),
        (7, "must be the path of a file, not int"),
        (b"ca.pem", "must be the path of a file, not bytes"),
        (" ", "the path is empty"),
        ("a\0b", "cannot be read: it is not a path"),
        ("-----BEGIN CERTIFICATE-----", "must be the path of a file, not its contents"),
        (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "does not check certificates or host names"),
    ],
)
def test_values_that_verify_does_not_take(verify: Any, expected: str) -> None:
    assert settings_error(verify=verify).startswith("verify: ")
    assert expected in settings_error(verify=verify)


def test_a_context_that_does_not_check_host_names_is_refused() -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    assert "does not check certificates or host names" in settings_error(verify=context)


# The client's own certificate


@pytest.fixture
def strict_server(authority: trustme.CA) -> Iterator[HostileServer]:
    """A server that wants to see a certificate. TLS 1.2, where it says so before anything is sent."""
    context = context_for(authority, "127.0.0.1")
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with hostile_server(context) as running:
        yield running


@pytest.mark.anyio
@pytest.mark.parametrize(
    "cert",
    [("me.pem",), ("me.crt", "me.key"), ("me.crt", "locked.key", PASSWORD), ("me.crt", "me.key", PASSWORD)],
)
@pytest.mark.parametrize("named", [True, False], ids=["authority in verify", "authority in the environment"])
async def test_a_client_that_shows_its_certificate(
    cert: tuple[str, ...],
    named: bool,
    strict_server: HostileServer,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths: list[Any] = [files / name for name in cert[:2]]
    given = paths[0] if len(cert) == 1 else (*paths, *cert[2:])
    options = {"verify": files / "ours.pem"} if named else {}
    if not named:
        monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(files / "ours.pem"))
    client = client_of(strict_server, cert=given, **options)
    other = client.detached()
    for each in (client, other):
        await call(each, "POST")
        assert PASSWORD not in repr(vars(each._caller.pool))
        await each.aclose()
    assert [asked.connection for asked in strict_server.asked] == [1, 2]


@pytest.mark.anyio
async def test_a_proxy_does_not_see_the_certificate_of_the_client(authority: trustme.CA, files: Path) -> None:
    client = AsyncGroupsClient(
        "t0ken", base_url="https://api.example", verify=files / "ours.pem", cert=files / "me.pem"
    )
    network = client._caller.pool._network
    assert network is not None
    assert network.tls.context() is not network.tls.proxy_context()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("cert", "expected", "attempts"),
    [
        (None, "perhaps because it asks for a client certificate", 2),
        ("stranger.pem", "the server does not accept the client certificate: check the files in cert=", 1),
    ],
)
async def test_a_server_that_does_not_accept_the_client(
    cert: str | None, expected: str, attempts: int, strict_server: HostileServer, files: Path
) -> None:
    options = {"verify": files / "ours.pem", "cert": cert and files / cert}
    async with client_of(strict_server, **options) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await call(client, "POST")
    assert expected in str(caught.value)
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, attempts)
    assert strict_server.asked == []


@pytest.mark.anyio
async def test_a_server_that_asks_for_a_certificate_once_it_has_the_request() -> None:
    """In TLS 1.3 a client may send before it hears of that."""

    class Asking(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            error = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]")
            error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
            raise error

    client = AsyncGroupsClient("t0ken", base_url="https://api.example", proxy="")
    resources = client._caller.pool.bind()
    resources.http._transport = Asking()
    with pytest.raises(ConnectionFailedError, match="asks for a client certificate: pass it as cert="):
        await call(client, "GET")
    await client.aclose()


@pytest.mark.parametrize(
    ("cert", "expected"),
    [
        ("missing.pem", "missing.pem' cannot be read: No such file or directory"),
        (("me.crt", "missing.key"), "missing.key' cannot be read: No such file or directory"),
        ("me.crt", "there is no certificate with its key, in PEM form, in '"),
        ("ours.cer", "there is no certificate with its key, in PEM form, in '"),
        (("me.crt", "stranger.key"), "the key does not belong to the certificate"),
        (("me.crt", "locked.key"), "the key is encrypted; pass a tuple of file, key and password"),
        (("me.crt", "locked.key", PASSWORD[1:]), "the key is encrypted, and the password does not open it"),
    ],
)
def test_certificates_of_the_client_that_cannot_be_used(cert: Any, expected: str, files: Path) -> None:
    parts = (cert,) if isinstance(cert, str) else cert
    paths = [str(files / part) for part in parts[:2]]
    said = settings_error(cert=paths[0] if isinstance(cert, str) else (*paths, *parts[2:]))
    assert said.startswith("cert: ")
    assert expected in said


@pytest.mark.parametrize(
    ("cert", "expected"),
    [
        (True, "certificates are always checked"),
        (7, "must be the path of a file, not int"),
        ("", "the path is empty"),
        ((), "must be a file, or a tuple of file and key"),
        (("a", "b", PASSWORD, "d"), "must be a file, or a tuple of file and key"),
        (("a", "b", PASSWORD.encode()), "must be a file, or a tuple of file and key"),
        (("a", None, PASSWORD), "must be the path of a file, not NoneType"),
        ("-----BEGIN PRIVATE KEY-----", "must be the path of a file, not its contents"),
    ],
)
def test_values_that_cert_does_not_take(cert: Any, expected: str) -> None:
    assert settings_error(cert=cert).startswith("cert: ")
    assert expected in settings_error(cert=cert)


def test_a_certificate_beside_a_context_belongs_into_it(files: Path) -> None:
    said = settings_error(
        verify=ssl.create_default_context(), cert=(files / "me.crt", files / "me.key", PASSWORD)
    )
    assert said.startswith("cert: where verify is an ssl.SSLContext, load the certificate into that")
