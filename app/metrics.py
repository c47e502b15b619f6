"""Every Prometheus metric, each behind a verb.

None is labelled by user, item, key or path: routes are templates, and reasons are words of ours.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

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

from app.domain import Arm, Mode

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

_served: set[str] = set()
"""Versions that this process has served."""

_requests = Counter("thaw_http_requests", "HTTP requests answered.", ["method", "route", "status"])
_request_seconds = Histogram(
    "thaw_http_request_seconds",
    "Time from the first byte of a request to the last of its answer.",
    ["method", "route"],
    buckets=SECONDS,
)
_events = Counter("thaw_events", "Events received, by what became of them.", ["outcome"])
_recommendations = Counter(
    "thaw_recommendations",
    "Lists answered, by mode, and by why one may not be the best: none where it is.",
    ["mode", "degraded"],
)
_fast_weights = Counter(
    "thaw_fast_weights",
    "Adapted lists, by where their fast weights came from: cached, or adapted for this answer.",
    ["source"],
)
_inner_steps = Counter("thaw_inner_steps", "Inner-loop steps taken for answers.")
_adapt_seconds = Histogram(
    "thaw_adapt_seconds",
    "Time in which a device batch adapted everybody in it whose fast weights were stale.",
    buckets=SECONDS,
)
_adapted = Histogram(
    "thaw_adapt_people", "People whose fast weights one device batch adapted.", buckets=SIZES
)
_rank_seconds = Histogram(
    "thaw_rank_seconds",
    "Time in which a device batch nominated, scored and cut its lists.",
    buckets=SECONDS,
)
_batch_size = Histogram("thaw_adapt_batch_size", "Requests in one device batch.", buckets=SIZES)
_queue_wait = Histogram(
    "thaw_queue_wait_seconds", "Time a request waited for the device.", buckets=SECONDS
)
_active_weights = Gauge(
    "thaw_active_weights",
    "1 for the meta-weights version that serves now.",
    ["version"],
    multiprocess_mode="livemax",
)
_reloads = Counter(
    "thaw_reloads",
    "Attempts to serve other meta-weights: swapped, tried (a dry run), refused or failed.",
    ["outcome"],
)
_pending_rows = Gauge(
    "thaw_pending_rows",
    "Entities whose events are stored but not yet known to be in Redis.",
    multiprocess_mode="livemax",
)
_redis_bytes = Gauge(
    "thaw_redis_bytes",
    "Memory that Redis uses, of all nodes together.",
    multiprocess_mode="livemostrecent",
)
_impressions = Counter(
    "thaw_impressions",
    "Items seen, as events with a signed request_id tell, by how their list came about.",
    ["mode", "arm", "support"],
)
_outcomes = Counter(
    "thaw_outcomes",
    "Clicks and events of positive weight on items of lists, by how these came about.",
    ["outcome", "mode", "arm", "support"],
)
_purged_events = Counter("thaw_purged_events", "Events deleted for being older than the retention.")
_job_failures = Counter("thaw_job_failures", "Attempts of background jobs that failed.", ["job"])


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request; `route` is the template, such as `/v1/items/{item_id}`."""
    _requests.labels(method, route, str(status)).inc()
    _request_seconds.labels(method, route).observe(seconds)


def count_events(*, recorded: int, duplicate: int, rejected: int) -> None:
    _events.labels("recorded").inc(recorded)
    _events.labels("duplicate").inc(duplicate)
    _events.labels("rejected").inc(rejected)


def count_recommendation(mode: Mode, degraded: str | None, steps: int, *, cached: bool) -> None:
    """One list answered, after `steps` of the inner loop, now or when its result was cached."""
    _recommendations.labels(mode, degraded or "none").inc()
    if mode == "adapted":
        _fast_weights.labels("cached" if cached else "adapted").inc()
        _inner_steps.inc(0 if cached else steps)


def count_impression(mode: Mode, arm: Arm, support: str) -> None:
    """One item seen in a list; `support` is a group of sizes, such as `3-5`."""
    _impressions.labels(mode, arm, support).inc()


def count_outcome(
    outcome: Literal["click", "positive"], mode: Mode, arm: Arm, support: str
) -> None:
    _outcomes.labels(outcome, mode, arm, support).inc()


def observe_batch(size: int, waits: Sequence[float]) -> None:
    """One device batch of `size` requests, each of which waited `waits` seconds."""
    if size:
        _batch_size.observe(size)
    for wait in waits:
        _queue_wait.observe(wait)


def observe_device(adapted: int, adapt_seconds: float, rank_seconds: float) -> None:
    """What a device batch took, and how many people had to be adapted in it."""
    if adapted:
        _adapted.observe(adapted)
        _adapt_seconds.observe(adapt_seconds)
    _rank_seconds.observe(rank_seconds)


def set_active_weights(version: str) -> None:
    for other in _served - {version}:
        _active_weights.labels(other).set(0)
    _served.add(version)
    _active_weights.labels(version).set(1)


def count_reload(outcome: str) -> None:
    _reloads.labels(outcome).inc()


def set_pending_rows(rows: int) -> None:
    _pending_rows.set(rows)


def set_redis_bytes(used: int) -> None:
    _redis_bytes.set(used)


def count_purged(events: int) -> None:
    _purged_events.inc(events)


def count_job_failure(job: str) -> None:
    _job_failures.labels(job).inc()


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
