"""The dashboard and the alert rules: they parse, and ask for nothing that is not exposed."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from app import metrics

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana" / "thaw.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
[GROUP] = yaml.safe_load((DOCS / "prometheus" / "alerts.yml").read_text())["groups"]
QUERIES = {
    **{f"panel {panel['title']}": panel["targets"] for panel in PANELS},
    **{f"alert {rule['alert']}": [rule] for rule in GROUP["rules"]},
}
SUFFIXES = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}


def exposed() -> Mapping[str, frozenset[str]]:
    """The labels of every series by its name."""
    return {
        metric._name + suffix: frozenset(metric._labelnames) | ({"le"} - {suffix[1:]})
        for metric in vars(metrics).values()
        if isinstance(metric, Counter | Gauge | Histogram)
        for suffix in SUFFIXES[type(metric)]
    }


def parsed(query: str) -> promql_parser.Expr:
    return promql_parser.parse(query.replace("$__rate_interval", "5m"))


def selectors(expression: object) -> Iterator[promql_parser.VectorSelector]:
    """All that a query reads."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("lhs", "rhs", "expr", "vector_selector", "args"):
        part = getattr(expression, name, None)
        for one in part if isinstance(part, list) else [part] if part is not None else []:
            yield from selectors(one)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_what_is_exposed(name: str) -> None:
    series = exposed()
    for target in QUERIES[name]:
        read = list(selectors(parsed(target["expr"])))
        assert read
        for selector in read:
            assert selector.name in series
            asked = {matcher.name for matcher in selector.matchers.matchers}
            assert asked <= series[str(selector.name)]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_groups_by_labels_that_there_are(name: str) -> None:
    series = exposed()
    for target in QUERIES[name]:
        there = {
            label for one in selectors(parsed(target["expr"])) for label in series[str(one.name)]
        }
        grouped = re.findall(r"\b(?:by|ignoring) \(([^)]*)\)", target["expr"])
        shown = re.findall(r"{{ *(?:\$labels\.)?(\w+) *}}", str(target.get("legendFormat")))
        assert {label.strip() for labels in grouped for label in labels.split(",")} <= there
        assert set(shown) <= there


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        str(selector.name)
        for panel in PANELS
        for target in panel["targets"]
        for selector in selectors(parsed(target["expr"]))
    }
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            names = {metric._name + suffix for suffix in SUFFIXES[type(metric)]}
            assert names & shown, metric._name


def test_panels_have_places_of_their_own() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_alert_says_how_bad_it_is_and_the_guide_what_to_do() -> None:
    guide = (DOCS / "operations.md").read_text()
    for rule in GROUP["rules"]:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert f"| `{rule['alert']}` |" in guide
