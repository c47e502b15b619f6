"""OpenTelemetry traces, an extra: one span for each request, exported where the environment says.

A span is named by the template of its route and holds neither ids nor queries nor keys.
"""

from collections.abc import Iterable

from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def make_exporter() -> SpanExporter:
    """To OTEL_EXPORTER_OTLP_ENDPOINT; headers, time-outs and the rest by their standard names."""
    return OTLPSpanExporter()


def make_provider() -> TracerProvider:
    """Named `thaw` unless OTEL_SERVICE_NAME says otherwise; samples as OTEL_TRACES_SAMPLER says."""
    resource = Resource({SERVICE_NAME: "thaw"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(make_exporter()))
    return provider


class Traced:
    """A span around every request, within the trace that the caller's `traceparent` names."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        self._app = app
        self._tracer = provider.get_tracer("thaw")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carrier = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        with self._tracer.start_as_current_span(
            scope["method"], context=propagate.extract(carrier), kind=SpanKind.SERVER
        ) as span:
            span.set_attribute("http.request.method", scope["method"])
            span.set_attribute("thaw.request_id", scope["thaw.request_id"])

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note_answer(span, message["status"], message["headers"])
                await send(message)

            await self._app(scope, receive, noting)
            if route := getattr(scope.get("route"), "path", None):
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)


def _note_answer(span: Span, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    for name, value in headers:
        if name == b"server-timing":
            for step in value.decode().split(", "):
                what, _, took = step.partition(";dur=")
                span.set_attribute(f"thaw.{what}_ms", float(took))
