"""The outcome of an evaluation as JSON and as a Markdown table."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from models.config import Side
from models.data import Order
from models.evidence import Difference, Estimate
from models.metrics import CLAIMABLE_USERS

OURS, PRIOR = "ours", "prior"
_OWN = frozenset(
    {"dataset", "side", "order", "seed", "weights", "n", "claimable"}
    | {"methods", "paired", "against", "chosen"}
)
_Value = TypeVar("_Value")
_MARKS = {"better": "**+**", "not worse": "=", "worse": "**-**", "open": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How well held-out users are served, by method and number of shots."""

    dataset: str
    side: Side = "user"
    order: Order
    seed: int
    versions: tuple[str, ...]
    """The weights judged: one, or one of each fold."""
    users: Mapping[int, int]
    """By number of shots: how many held-out users have so many."""
    methods: Mapping[str, Mapping[int, Mapping[str, Estimate]]]
    """Name -> shots -> metric."""
    rivals: Mapping[int, str]
    """By shots: the baseline that did best on validation users."""
    against: Mapping[int, Mapping[str, Difference]]
    """Shots -> name -> NDCG@10 of ours minus theirs."""
    chosen: Mapping[str, Mapping[int, tuple[Mapping[str, Any], ...]]]
    """Name -> shots -> what validation chose, fold by fold."""
    facts: Mapping[str, Any]
    """Data fingerprint, split, margin and the like."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; numbers of shots are text, numbers that do not exist are null."""
        paired = {
            k: {"rival": name, **asdict(self.against[k][name])} for k, name in self.rivals.items()
        }
        content = {
            "dataset": self.dataset,
            "side": self.side,
            "order": self.order,
            "seed": self.seed,
            "weights": list(self.versions),
            "n": dict(self.users),
            "claimable": {k: n >= CLAIMABLE_USERS for k, n in self.users.items()},
            "methods": _plain(self.methods),
            "paired": paired,
            "against": _plain(self.against),
            "chosen": self.chosen,
            **self.facts,
        }
        plain = _plain(content)
        assert isinstance(plain, dict)
        return plain

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> "Report":
        """The report whose `to_json` this is."""
        return cls(
            dataset=content["dataset"],
            side=content["side"],
            order=content["order"],
            seed=content["seed"],
            versions=tuple(content["weights"]),
            users=_by_shots(content["n"]),
            methods={
                name: {
                    k: {
                        metric: Estimate(_number(value["mean"]), value["low"], value["high"])
                        for metric, value in metrics.items()
                    }
                    for k, metrics in _by_shots(columns).items()
                }
                for name, columns in content["methods"].items()
            },
            rivals={k: one["rival"] for k, one in _by_shots(content["paired"]).items()},
            against={
                k: {name: Difference(**one) for name, one in row.items()}
                for k, row in _by_shots(content["against"]).items()
            },
            chosen={
                name: {
                    k: tuple({**one, "ndcg": _number(one["ndcg"])} for one in choices)
                    for k, choices in _by_shots(columns).items()
                }
                for name, columns in content["chosen"].items()
            },
            facts={name: value for name, value in content.items() if name not in _OWN},
        )

    def to_markdown(self) -> str:
        """NDCG@10 by method and shots, then ours against each rival, then our other metrics."""
        shots = list(self.users)
        small = any(n < CLAIMABLE_USERS for n in self.users.values())
        lines = [
            f"**{self.dataset}**: NDCG@10 of held-out {self.side}s, whole catalogue, 95% intervals",
            f"(support in {self.order} order)",
            "",
            *_header("shots", [str(k) if self._claimable(k) else f"{k} (few)" for k in shots]),
            _row(f"{self.side}s", [f"{self.users[k]}" for k in shots]),
            *(
                _row(name, [_ranged(by_shots[k]["ndcg@10"]) for k in shots])
                for name, by_shots in self.methods.items()
            ),
            "",
            f"Ours minus the rival, paired by {self.side}:",
            "**+** better (after Holm), = not worse (margin 1%), ? open, **-** worse.",
            "",
            *_header("ours minus", [str(k) for k in shots]),
            *(
                _row(name, [self._compared(k, name) for k in shots])
                for name in self.methods
                if name != OURS
            ),
            _row("strongest on validation", [self.rivals.get(k, "") for k in shots]),
            "",
            *_header("ours", [str(k) for k in shots]),
            *(
                _row(metric, [f"{self.methods[OURS][k][metric].mean:.3f}" for k in shots])
                for metric in self.methods[OURS][shots[0]]
                if metric != "ndcg@10"
            ),
        ]
        if small:
            lines += [
                "",
                f"few: less than {CLAIMABLE_USERS} {self.side}s, no claim can rest on it.",
            ]
        return "\n".join(lines)

    def _claimable(self, k: int) -> bool:
        return self.users[k] >= CLAIMABLE_USERS

    def _compared(self, k: int, name: str) -> str:
        found = self.against[k][name]
        mark = _MARKS[found.verdict] if self._claimable(k) else ""
        return f"{found.diff:+.4f} [{found.low:+.4f}, {found.high:+.4f}] {mark}".rstrip()


def _header(first: str, names: list[str]) -> list[str]:
    return [_row(first, names), "|" + "---|" * (len(names) + 1)]


def _row(name: str, cells: list[str]) -> str:
    return f"| {' | '.join([name, *cells])} |"


def _ranged(value: Estimate) -> str:
    if value.low is None or value.high is None:
        return f"{value.mean:.4f}"
    return f"{value.mean:.4f} [{value.low:.3f}, {value.high:.3f}]"


def _by_shots(columns: Mapping[str, _Value]) -> dict[int, _Value]:
    return {int(k): value for k, value in columns.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _plain(value: object) -> Any:
    if isinstance(value, Estimate | Difference):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
