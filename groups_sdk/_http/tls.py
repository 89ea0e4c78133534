"""Whose certificates are believed, and the client's own certificate, from arguments or from the environment."""

from __future__ import annotations

import importlib
import os
import re
import ssl
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast

import attrs

from groups_sdk._http.environment import Setting, variable
from groups_sdk._http.library import create_ssl_context
from groups_sdk.errors import ConfigurationError

__all__ = ["ClientCertificate", "Tls", "default_context", "read_certificate", "resolve_tls"]

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # the file names by which OpenSSL finds certificates in a folder
_PEM = "-----BEGIN"


@attrs.frozen
class Tls:
    """The two sides of TLS: whom the client believes, and how it shows who it is."""

    certificate_shown: bool
    _authorities: ssl.SSLContext | None  # None: those that are believed by default
    _authorities_said: str
    _with_certificate: ssl.SSLContext | None

    def context(self) -> ssl.SSLContext:
        """For connections to the API."""
        return self._with_certificate or self.proxy_context()

    def proxy_context(self) -> ssl.SSLContext:
        """For connections to a proxy, which the client's own certificate is not meant for."""
        return self._authorities or default_context()

    @property
    def authorities(self) -> str:
        """Whom the client believes, in words."""
        if self._authorities is not None:
            return self._authorities_said
        if type(default_context()) is ssl.SSLContext:
            return "those in certifi's list"
        return "those in the operating system's store"


@cache
def default_context() -> ssl.SSLContext:
    """One for all clients for which no authorities are named: building it costs tens of milliseconds."""
    return _new_default_context()


def _new_default_context() -> ssl.SSLContext:
    try:
        truststore = importlib.import_module("truststore")
    except ImportError:
        return create_ssl_context(trust_env=False)
    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return context


@attrs.frozen
class ClientCertificate:
    """The files of the client's own certificate and its key, which may be one, and the password of the key."""

    _file: str
    _key: str | None  # None: it is in the same file
    _password: str = attrs.field(repr=False)

    def load(self, context: ssl.SSLContext) -> None:
        """Have a context show the certificate. Raises `ConfigurationError` when that cannot be done."""
        asked = False

        def tell() -> str:  # a function, or else OpenSSL would ask at the terminal
            nonlocal asked
            asked = True
            return self._password

        try:
            context.load_cert_chain(self._file, self._key, tell)
            return
        except ssl.SSLError as error:
            reason = error.reason
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"cert: {self._files()} cannot be read: {_reason(error)}") from None
        if asked and not self._password:
            problem = "the key is encrypted; pass a tuple of file, key and password"
        elif asked:
            problem = "the key is encrypted, and the password does not open it"
        elif reason == "KEY_VALUES_MISMATCH":
            problem = "the key does not belong to the certificate"
        else:
            problem = f"there is no certificate with its key, in PEM form, in {self._files()}"
        raise ConfigurationError(f"cert: {problem}")

    def _files(self) -> str:
        return repr(self._file) if self._key is None else f"{self._file!r} or {self._key!r}"


def read_certificate(cert: object) -> ClientCertificate | None:
    """The `cert` argument: a file, or a tuple of file and key, or of file, key and password.

    Raises `ConfigurationError` when it is nothing of the kind.
    """
    if cert is None:
        return None
    parts: tuple[Any, ...] = cert if isinstance(cert, tuple) else (cert,)
    problem = next((problem for part in parts[:2] if (problem := _path_problem(part))), None)
    if len(parts) not in (1, 2, 3) or not isinstance(parts[2] if len(parts) == 3 else "", str):
        problem = "must be a file, or a tuple of file and key, or of file, key and password"
    if problem is None:
        file, key = os.fspath(parts[0]), os.fspath(parts[1]) if len(parts) > 1 else None
        return ClientCertificate(file, key, parts[2] if len(parts) == 3 else "")
    del cert, parts  # so that a traceback with locals shows no password
    raise ConfigurationError(f"cert: {problem}")


def resolve_tls(verify: object, certificate: ClientCertificate | None, *, needed: bool) -> Tls:
    """What the arguments say, or else the environment, which is not looked at unless TLS is `needed`.

    SSL_CERT_FILE and SSL_CERT_DIR come first, then REQUESTS_CA_BUNDLE, then CURL_CA_BUNDLE; NODE_EXTRA_CA_CERTS comes
    in addition. Raises `ConfigurationError` when something in them cannot be used.
    """
    if isinstance(verify, ssl.SSLContext):
        if verify.verify_mode is ssl.CERT_NONE or not verify.check_hostname:
            raise ConfigurationError(
                "verify: this ssl.SSLContext does not check certificates or host names; pass one that does, such as "
                "ssl.create_default_context(cafile=...)"
            )
        if certificate is not None:
            raise ConfigurationError(
                "cert: where verify is an ssl.SSLContext, load the certificate into that with its load_cert_chain()"
            )
        return Tls(False, verify, "those in the ssl.SSLContext passed as verify", None)
    named: list[Setting] = []
    extra: list[Setting] = []
    if verify is not None:
        if problem := _path_problem(verify):
            raise ConfigurationError(f"verify: {problem}")
        named.append(Setting("verify", os.fspath(cast("str | os.PathLike[str]", verify))))
    elif needed:
        named = _variables("SSL_CERT_FILE", "SSL_CERT_DIR")
        named = named or _variables("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")[:1]
        extra = _variables("NODE_EXTRA_CA_CERTS")
    said = " and ".join(f"those in {setting.source}" for setting in (*named, *extra))
    authorities = _shared_context(tuple(named), tuple(extra), _stamps(*named, *extra)) if said else None
    if certificate is None:
        return Tls(False, authorities, said, None)
    own = _context(named, extra)
    certificate.load(own)
    return Tls(True, authorities, said, own)


def _variables(*names: str) -> list[Setting]:
    return [setting for name in names if (setting := variable(name))]


def _stamps(*settings: Setting) -> tuple[tuple[int, ...] | None, ...]:
    """What changes when a file does."""
    return tuple(_stamp(path) for setting in settings for path in _paths(setting))


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=8)
def _shared_context(named: tuple[Setting, ...], extra: tuple[Setting, ...], _: object) -> ssl.SSLContext:
    """One for all clients that believe the same files, for as long as those do not change."""
    return _context(named, extra)


def _paths(setting: Setting) -> list[str]:
    is_list = setting.source == "SSL_CERT_DIR"
    return setting.text.split(os.pathsep) if is_list else [setting.text]


def _context(named: Sequence[Setting], extra: Sequence[Setting]) -> ssl.SSLContext:
    """A new context that believes the named authorities, or else the usual ones, and the extra ones too."""
    context = None if named else _new_default_context()
    for setting in (*named, *extra):
        for path in _paths(setting):
            context = _believe(context, setting.source, path)
    return context or _new_default_context()


def _believe(context: ssl.SSLContext | None, source: str, path: str) -> ssl.SSLContext:
    """The context, or a new one, with the authorities in a file or folder."""
    try:
        is_folder = Path(path).is_dir()
        if is_folder and not any(_HASHED.fullmatch(name) for name in os.listdir(path)):
            problem = (
                f"OpenSSL finds no certificate in the folder {path!r}; to prepare it: openssl rehash FOLDER"
            )
            raise ConfigurationError(f"{source}: {problem}")
        cafile, capath = (None, path) if is_folder else (path, None)
        if context is None:  # given a file or folder, this does not add the authorities of OpenSSL
            return ssl.create_default_context(cafile=cafile, capath=capath)
        context.load_verify_locations(cafile, capath)
        return context
    except ssl.SSLError:
        problem = f"there is no certificate in PEM form in {path!r}"
    except (OSError, ValueError) as error:
        problem = f"{path!r} cannot be read: {_reason(error)}"
    raise ConfigurationError(f"{source}: {problem}")


def _path_problem(value: object) -> str | None:
    """What is wrong with the path of a file, without showing it; None when it is one."""
    if isinstance(value, bool):
        return (
            "certificates are always checked, and True or False cannot change that; to trust an authority of your "
            "own, pass the file with its certificate"
        )
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str):
        return f"must be the path of a file, not {type(value).__name__}"
    if _PEM in path:
        return "must be the path of a file, not its contents"
    return None if path.strip() else "the path is empty"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is not a path"
