"""A span of OpenTelemetry around each call, where the program traces.

There is no dependency: a program that has not imported OpenTelemetry has set up no tracing either. Paths are shown with
placeholders in place of ids; query values, bodies, texts of errors and headers are not shown.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from groups_sdk._http.call_summary import CallSummary
from groups_sdk._operations import Operation
from groups_sdk._version import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider

__all__ = ["CallSpan", "start_span"]

logger: logging.Logger = logging.getLogger("groups_sdk")

_SUPPRESSED = (
    "suppress_instrumentation"  # in the context, by which opentelemetry-instrumentation switches it off
)

_tracer: tuple[TracerProvider, Tracer | None] | None = None  # of the provider that was set last


class CallSpan:
    """The span of one call. Nothing that a sampler, processor or exporter raises reaches the call."""

    def __init__(self, span: Span) -> None:
        self.recording: bool = span.is_recording()
        self._span = span

    def current(self) -> AbstractContextManager[object]:
        """Within it, spans that are started are children of this one."""
        from opentelemetry import trace

        return trace.use_span(self._span, record_exception=False, set_status_on_exception=False)

    def end(self, call: CallSummary) -> None:
        """The call has ended."""
        try:
            self._describe(call)
            self._span.end()
        except Exception:
            logger.exception("the span of %s could not be ended", call.operation)

    def _describe(self, call: CallSummary) -> None:
        from opentelemetry.trace import Status, StatusCode

        attributes: dict[str, str | int | float | tuple[str, ...]] = {
            "groups_sdk.outcome": call.outcome,
            "groups_sdk.attempts": call.attempts,
            "groups_sdk.retry_reasons": call.retry_reasons,
            "groups_sdk.rate_limit_wait": call.rate_limit_wait,
            "groups_sdk.connection_wait": call.connection_wait,
            "groups_sdk.retry_wait": call.retry_wait,
            "groups_sdk.access_token_wait": call.access_token_wait,
        }
        if call.status_code is not None:
            attributes["http.response.status_code"] = call.status_code
        if call.request_id is not None:
            attributes["snyk.request_id"] = call.request_id
        if call.outcome == "error":
            attributes["error.type"] = call.error_type or ""
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.set_attributes(attributes)


def start_span(operation: Operation, host: str, port: int, api_version: str) -> CallSpan | None:
    """The span of a call that begins now; None where nobody traces."""
    if "opentelemetry.trace" not in sys.modules:
        return None
    try:
        tracer = _get_tracer()
        if tracer is None:
            return None
        from opentelemetry import context, trace

        if context.get_value(_SUPPRESSED):
            return None
        span = tracer.start_span(
            operation.name,
            kind=trace.SpanKind.CLIENT,
            attributes={
                "rpc.system.name": "snyk_rest",
                "rpc.method": operation.name,
                "http.request.method": operation.method,
                "url.template": operation.path,
                "server.address": host,
                "server.port": port,
                "snyk.api_version": api_version,
            },
        )
        # One that is not recorded is current all the same: its children must not be recorded either.
        return CallSpan(span) if span.get_span_context().is_valid else None
    except Exception:
        logger.exception("the span of %s could not be started", operation.name)
        return None


def _get_tracer() -> Tracer | None:
    """This package's tracer; None when no provider was set up, or this instrumentation is switched off."""
    global _tracer
    from opentelemetry import trace

    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        return None
    if _tracer is None or _tracer[0] is not provider:
        disabled = os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
        wanted = "groups_sdk" not in [name.strip() for name in disabled]
        _tracer = provider, provider.get_tracer("groups_sdk", __version__) if wanted else None
    return _tracer[1]
