"""Traces: one span a request, under the caller's, without anything that tells of people."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from app.api import tracing
from app.domain import Scope
from app.main import create_app
from tests.app.api.conftest import Service, make_settings, serve
from tests.generated import save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def spans(
    exporter: InMemorySpanExporter, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, ReadableSpan]]:
    """By name; made by one service that has been stopped since."""
    state = tmp_path_factory.mktemp("var")
    save_generated(state / "weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENDPOINT, "http://collector.example:4318")
        patch.setattr(tracing, "make_exporter", lambda: exporter)
        async with serve(make_settings(state)) as service:
            await ask(service)
    yield {span.name: span for span in exporter.get_finished_spans()}


async def ask(service: Service) -> None:
    await service.client.post(
        "/v1/recommendations",
        json={"user_id": "ann-smith", "k": 3},
        headers={
            **service.by(Scope.SERVER),
            "X-Request-Id": "my-own",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
    )
    await service.send("GET", "/v1/users/ann-smith/recommendations?k=2")
    await service.client.get(f"/nowhere/ann-smith?key={service.keys[Scope.SERVER]}")
    unready = service.runtime.parts.engine
    unready._snapshot = None
    await service.client.get("/readyz")


async def test_a_span_is_named_by_its_route(spans: dict[str, ReadableSpan]) -> None:
    route = "/v1/users/{user_id}/recommendations"
    assert set(spans) == {"POST /v1/recommendations", f"GET {route}", "GET", "GET /readyz"}
    told = spans[f"GET {route}"].attributes or {}
    assert told["http.route"] == route
    assert told["http.response.status_code"] == 200


async def test_it_belongs_to_the_trace_of_the_caller(spans: dict[str, ReadableSpan]) -> None:
    span = spans["POST /v1/recommendations"]
    assert span.parent is not None
    assert format_span_id(span.parent.span_id) == "b7ad6b7169203331"
    assert format_trace_id(span.parent.trace_id) == "0af7651916cd43dd8448eb211c80319c"
    assert spans["GET"].parent is None


async def test_it_says_where_the_time_went(spans: dict[str, ReadableSpan]) -> None:
    told = spans["POST /v1/recommendations"].attributes or {}
    assert told["thaw.request_id"] == "my-own"
    for step in ("store", "adapt", "rank"):
        assert isinstance(told[f"thaw.{step}_ms"], float)


async def test_only_our_own_failures_are_errors(spans: dict[str, ReadableSpan]) -> None:
    assert spans["GET /readyz"].status.status_code == StatusCode.ERROR
    assert spans["GET"].status.status_code != StatusCode.ERROR


async def test_nothing_tells_of_people_or_keys(spans: dict[str, ReadableSpan]) -> None:
    for span in spans.values():
        assert "ann-smith" not in span.to_json()
        assert "thaw_server_" not in span.to_json()


async def test_all_spans_are_of_one_service(spans: dict[str, ReadableSpan]) -> None:
    assert {span.resource.attributes["service.name"] for span in spans.values()} == {"thaw"}


async def test_the_environment_may_name_it_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setattr(tracing, "make_exporter", InMemorySpanExporter)
    provider = tracing.make_provider()
    provider.shutdown()
    assert provider.resource.attributes["service.name"] == "shop"


def layers(app: FastAPI) -> list[object]:
    return [layer.cls for layer in app.user_middleware]


@pytest.mark.parametrize("endpoint", [None, ""])
async def test_without_an_endpoint_nothing_is_traced(
    endpoint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    if endpoint is not None:
        monkeypatch.setenv(ENDPOINT, endpoint)
    assert tracing.Traced not in layers(create_app())
