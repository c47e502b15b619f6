"""docs/quality.md: what was judged, as tables to read."""

from collections.abc import Iterable, Sequence
from typing import Any

from models.evidence import Difference
from models.metrics import CLAIMABLE_USERS
from models.report import OURS, Report

_MARKS = {"better": "W", "not worse": "=", "worse": "L", "open": "?"}
_INTRODUCTION = f"""\
# Quality for held-out users

Made by `./run bench quality`; `thaw evaluate` says the same of your own data. For every set:

- Whole users are held out (10% of them, by a hash); another 5% choose: when training ends, the
  blends, every setting of every baseline. No test user takes part in any choice.
- The first min(50, half) of a user's interactions are the pool; at k shots the first k of it are
  known. What is outside the pool is to be found in the whole catalogue without the pool. Means of
  NDCG@10 over users.
- Baselines are tuned for every k, each with a blend of popularity. The **rival** at k is the
  baseline that was best on validation users there.
- Ours reads the tables of users and items where a set has them; these baselines read interactions
  only. Much of what is won at k = 0 to 2 comes from that; a set named `...-interactions-only` is
  the same one without its tables.
- Differences are paired by user: bootstrap, 95% intervals. **W**: better, after Holm over all
  differences of the table. **=**: not worse by more than 1% of the rival. **L**: the interval lies
  below zero. **?**: none of these. Columns with less than {CLAIMABLE_USERS} users carry no claim
  and no mark.
"""


def page(reports: Sequence[Report], aims: Sequence[dict[str, Any]], code: str) -> str:
    """The page of `reports`; `aims` says how each was made, `code` what the code is now."""
    parts = [_INTRODUCTION]
    for order, title in (("random", "Random support"), ("time", "Support by time")):
        some = [report for report in reports if report.order == order]
        if some:
            parts.append(_summary(title, some))
    for report, aim in zip(reports, aims, strict=True):
        parts.append(_details(report, aim, code))
    return "\n".join(parts)


def figure_name(report: Report) -> str:
    order = "" if report.order == "random" else f"-{report.order}"
    return f"quality-{report.dataset}{order}.svg"


def _summary(title: str, reports: Sequence[Report]) -> str:
    """Sets against shots: ours / rival, and the mark."""
    shots = sorted({k for report in reports for k in report.users})
    lines = [
        f"## {title}: ours / rival",
        "",
        *_head(["set", *map(str, shots)]),
        *(_row([report.dataset, *(_ratio(report, k) for k in shots)]) for report in reports),
        "",
    ]
    return "\n".join(lines)


def _details(report: Report, aim: dict[str, Any], code: str) -> str:
    shots = list(report.users)
    old = "" if aim["code"] == code else " Measured with an older state of the code."
    facts = report.facts
    made = (
        f"The rival is in **bold**. Split seed {facts['split']['seed']}, folds "
        f"{_listed(facts['split']['folds'])}; orders of seeds {_listed(facts['seeds'])}; "
        f"validation users {max(facts['validation_users'].values())}; meta-weights "
        f"{_listed(report.versions)}.{old}"
    )
    lines = [
        f"## {report.dataset}, {report.order} order",
        "",
        f"![NDCG@10 against shots](images/{figure_name(report)})",
        "",
        *_head(["NDCG@10 at k", *map(str, shots)]),
        _row(["users", *(str(report.users[k]) for k in shots)]),
        *(_row([name, *(_mean(report, name, k) for k in shots)]) for name in report.methods),
        _row(["ours - rival", *(_interval(report, k) for k in shots)]),
        _row(["verdict", *(_mark(report, k) for k in shots)]),
        "",
        made,
        "",
    ]
    return "\n".join(lines)


def _mean(report: Report, name: str, k: int) -> str:
    mean = f"{report.methods[name][k]['ndcg@10'].mean:.3f}"
    return f"**{mean}**" if report.rivals.get(k) == name else mean


def _against(report: Report, k: int) -> Difference | None:
    """Ours minus the rival's, where there are both."""
    return report.against[k][report.rivals[k]] if k in report.users and k in report.rivals else None


def _interval(report: Report, k: int) -> str:
    found = _against(report, k)
    return f"{found.diff:+.3f} [{found.low:+.3f}, {found.high:+.3f}]" if found else ""


def _mark(report: Report, k: int) -> str:
    found = _against(report, k)
    return _MARKS[found.verdict] if found and report.users[k] >= CLAIMABLE_USERS else ""


def _ratio(report: Report, k: int) -> str:
    if _against(report, k) is None:
        return ""
    ours, rival = (report.methods[name][k]["ndcg@10"].mean for name in (OURS, report.rivals[k]))
    return f"{ours / rival:.3f} {_mark(report, k)}".rstrip() if rival else ""


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _head(names: Iterable[str]) -> list[str]:
    columns = list(names)
    return [_row(columns), "|" + "---|" * len(columns)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
