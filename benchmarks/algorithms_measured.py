"""What is measured of the algorithms, as a table and as rows."""

from dataclasses import dataclass

from models.evidence import Estimate

POPULARITY = "popularity"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one algorithm, trained on all users."""

    parameters: int
    """Numbers in the meta-weights, those of the items included."""
    per_item: int
    """Of them for each item."""
    megabytes: float
    """Of the meta-weights in memory."""
    fast: int
    """Numbers that one user's fast weights are made of."""
    milliseconds: float
    """To adapt one user to the support, median, on one thread."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One data set: NDCG@10 by algorithm and training users, and the costs."""

    dataset: str
    shots: int
    quality: dict[str, dict[int, Estimate]]
    """Algorithm, or popularity -> training users -> NDCG@10 of held-out users."""
    costs: dict[str, Cost]


def table_of(measured: Measured) -> str:
    """In Markdown: a row for each algorithm, best first, then popularity."""
    sizes = list(measured.quality[POPULARITY])
    names = ["algorithm", *(f"{size} users" for size in sizes)]
    names += ["parameters", "per item", "MB", "fast weights", "ms"]
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for name in ranked(measured):
        cells = [name]
        for size in sizes:
            found = measured.quality[name][size]
            cells.append(f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]")
        spent = measured.costs.get(name)
        cells += (
            [
                f"{spent.parameters:,}",
                f"{spent.per_item}",
                f"{spent.megabytes:.1f}",
                f"{spent.fast}",
                f"{spent.milliseconds:.2f}",
            ]
            if spent
            else [""] * 5
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ranked(measured: Measured) -> list[str]:
    """Algorithms by NDCG@10 with all users, popularity last."""
    last = {name: list(line.values())[-1].mean for name, line in measured.quality.items()}
    return sorted(last, key=lambda name: (name == POPULARITY, -last[name]))


def rows_of(measured: Measured) -> list[dict[str, str | float | int]]:
    rows: list[dict[str, str | float | int]] = []
    for name in measured.costs:
        for users, found in measured.quality[name].items():
            rival = measured.quality[POPULARITY][users].mean
            rows.append(
                {
                    "what": f"{name}, {measured.dataset}, {users} training users",
                    "ours": found.mean,
                    "rival": rival,
                    "ratio": found.mean / rival,
                    "bar": 1.0,
                    "better": "higher",
                    "unit": f"NDCG@10, {measured.shots} shots",
                    "rival_name": POPULARITY,
                }
            )
    return rows
