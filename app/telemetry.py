"""Logs: the structlog set-up.

Events are named in the past tense (`events_recorded`). Neither query strings nor keys are ever
handed to the logger.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

import structlog

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
    # found out for every line, and in none of them
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    # It tells at every start which instructions it was not built for.
    logging.getLogger("faiss").setLevel(logging.WARNING)
    # Its lines hold query strings, hence the keys of beacons; `request_answered` takes their place.
    logging.getLogger("uvicorn.access").disabled = True


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
