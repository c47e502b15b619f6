import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.telemetry import configure_logging, log_request


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    root = logging.getLogger()
    kept = root.handlers
    yield
    root.handlers = kept


def fail(key: str) -> None:
    raise ValueError(f"a failure, {len(key)} characters long")


def test_json_lines_hold_the_traceback_but_no_local_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("json")
    structlog.contextvars.bind_contextvars(request_id="r1")
    key = "thaw_" + "hidden"
    try:
        fail(key)
    except ValueError:
        structlog.get_logger().exception("request_failed", status=500)
    structlog.contextvars.clear_contextvars()
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["request_id"], line["status"]) == ("request_failed", "r1", 500)
    assert line["level"] == "error"
    assert "a failure, 11 characters long" in line["exception"]
    assert key not in line["exception"]


def test_the_console_shows_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console")
    key = "thaw_" + "hidden"
    try:
        fail(key)
    except ValueError:
        structlog.get_logger().exception("request_failed")
    shown = capsys.readouterr().err
    assert "request_failed" in shown
    assert "a failure" in shown
    assert key not in shown


def test_other_libraries_log_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    logging.getLogger("alembic").warning("table %s", "items")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"]) == ("table items", "warning")


def test_the_access_log_of_uvicorn_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    logging.getLogger("uvicorn.access").info("GET /v1/events?key=thaw_secret")
    assert capsys.readouterr().err == ""


async def test_answered_requests_are_lines_like_all_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("json")
    log_request("r1", "POST", "/v1/events", 202, 0.0123)
    log_request("r2", "GET", "/livez", 200, 0.001)
    structlog.get_logger().warning("job_failed")
    await asyncio.sleep(0)
    first, second, third = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["event"], first["request_id"], first["ms"]) == ("request_answered", "r1", 12.3)
    assert (second["route"], second["status"], third["event"]) == ("/livez", 200, "job_failed")
    assert first.keys() >= third.keys()


async def test_the_console_shows_answered_requests_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console")
    log_request("r1", "POST", "/v1/events", 202, 0.0123)
    shown = capsys.readouterr().err
    assert "request_answered" in shown
    assert "12.3" in shown


def test_a_library_that_tells_how_it_was_built_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    logging.getLogger("faiss.loader").info("Loading faiss with AVX2 support.")
    logging.getLogger("faiss.loader").warning("it failed")
    assert "Loading" not in (shown := capsys.readouterr().err)
    assert "it failed" in shown
