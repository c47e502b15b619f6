"""Logs and metrics: the structlog set-up and every Prometheus metric, each behind a verb.

Events are named in the past tense (`events_recorded`). No metric is labelled by user, key or path;
routes are templates. Neither query strings nor keys are ever handed to the logger.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, TextIO

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

_served: set[str] = set()
"""Versions that this process has served."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_requests = Counter("thaw_http_requests", "HTTP requests answered.", ["method", "route", "status"])
_request_seconds = Histogram(
    "thaw_http_request_seconds",
    "Time from the first byte of a request to the last of its answer.",
    ["method", "route"],
    buckets=SECONDS,
)
_events = Counter("thaw_events", "Events received, by what became of them.", ["outcome"])
_recommendations = Counter("thaw_recommendations", "Lists answered, by mode.", ["mode"])
_batch_size = Histogram(
    "thaw_adapt_batch_size",
    "Requests in one device batch.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
)
_queue_wait = Histogram(
    "thaw_queue_wait_seconds", "Time a request waited for the device.", buckets=SECONDS
)
_active_weights = Gauge(
    "thaw_active_weights",
    "1 for the meta-weights version that serves now.",
    ["version"],
    multiprocess_mode="livemax",
)
_pending_rows = Gauge(
    "thaw_pending_rows",
    "Entities whose events are stored but not yet known to be in Redis.",
    multiprocess_mode="livemax",
)


_form: Literal["json", "console"] = "json"


class Line(str):
    """What needs no more processing."""

    __slots__ = ()


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return record.msg if isinstance(record.msg, Line) else super().format(record)


class _Stream(logging.StreamHandler[TextIO]):
    """Writes the lines of one turn of the event loop together; warnings, and all else, at once."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not isinstance(record.msg, Line):
            self._write()
            super().emit(record)
            return
        self._lines.append(self.format(record))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        if self._lines:
            self.stream.write("\n".join([*self._lines, ""]))
            self._lines.clear()
            self.flush()


def configure_logging(form: Literal["json", "console"]) -> None:
    """Send structlog and the standard library's loggers to standard error in one form."""
    global _form  # noqa: PLW0603 - logging is global, and so is its form
    _form = form
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # no local variables: they may hold keys
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Stream(sys.stderr)
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    # Its lines hold query strings, hence the keys of beacons; `request_answered` takes their place.
    logging.getLogger("uvicorn.access").disabled = True


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request; `route` is the template, such as `/v1/items/{item_id}`."""
    _requests.labels(method, route, str(status)).inc()
    _request_seconds.labels(method, route).observe(seconds)


def log_request(request_id: str, method: str, route: str, status: int, seconds: float) -> None:
    """Log one answered request: the same line as structlog's, without its way there."""
    log = logging.getLogger(__name__)
    if not log.isEnabledFor(logging.INFO):
        return
    if _form == "console":
        ms = round(seconds * 1000, 2)
        structlog.get_logger().info(
            "request_answered", method=method, route=route, status=status, ms=ms
        )
        return
    when = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    line = Line(
        f'{{"method": "{method}", "route": "{route}", "status": {status}, '
        f'"ms": {seconds * 1000:.2f}, "event": "request_answered", "request_id": "{request_id}", '
        f'"level": "info", "timestamp": "{when}"}}'
    )
    log.handle(logging.LogRecord(log.name, logging.INFO, __file__, 0, line, None, None))


def count_events(*, recorded: int, duplicate: int, rejected: int) -> None:
    _events.labels("recorded").inc(recorded)
    _events.labels("duplicate").inc(duplicate)
    _events.labels("rejected").inc(rejected)


def count_recommendation(mode: str) -> None:
    _recommendations.labels(mode).inc()


def observe_batch(size: int, waits: Sequence[float]) -> None:
    """One device batch of `size` requests, each of which waited `waits` seconds."""
    if size:
        _batch_size.observe(size)
    for wait in waits:
        _queue_wait.observe(wait)


def set_active_weights(version: str) -> None:
    for other in _served - {version}:
        _active_weights.labels(other).set(0)
    _served.add(version)
    _active_weights.labels(version).set(1)


def set_pending_rows(rows: int) -> None:
    _pending_rows.set(rows)


def exposition() -> tuple[bytes, Mapping[str, str]]:
    """All metrics in Prometheus' text format, and the headers that go with it."""
    return generate_latest(_registry()), {"Content-Type": CONTENT_TYPE_LATEST}


def _registry() -> CollectorRegistry:
    """Of all workers, where `thaw serve` has started several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    collect: Callable[[CollectorRegistry], object] = MultiProcessCollector
    collect(together)
    return together
