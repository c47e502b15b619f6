"""Rows of what is measured over HTTP: on the screen, and in their section of the documents."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from rich.table import Table

Better: TypeAlias = Literal["higher", "lower"]
COLUMNS = ("what", "ours", "rival", "ratio", "bar", "unit")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison; `ratio` is ours / rival."""

    what: str
    ours: float
    rival: float
    ratio: float
    bar: float
    better: Better
    unit: str

    @classmethod
    def of(
        cls, what: str, ours: float, rival: float, bar: float, better: Better, unit: str
    ) -> "Row":
        return cls(what, round(ours, 2), round(rival, 2), round(ours / rival, 3), bar, better, unit)

    @property
    def holds(self) -> bool:
        return self.ratio >= self.bar if self.better == "higher" else self.ratio <= self.bar

    @property
    def cells(self) -> tuple[str, ...]:
        bar = f"{'≥' if self.better == 'higher' else '≤'} {self.bar:g}"
        ratio = f"{self.ratio:.2f}{'' if self.holds else ' missed'}"
        return (self.what, f"{self.ours:,.1f}", f"{self.rival:,.1f}", ratio, bar, self.unit)


def table_of(rows: Sequence[Row], title: str) -> Table:
    table = Table(title=title)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in {"what", "unit"} else "right")
    for row in rows:
        table.add_row(*row.cells)
    return table


def write_section(page: Path, name: str, rows: Sequence[Row]) -> None:
    """Puts the rows between the marks of this name, if the page has them."""
    lines = [COLUMNS, ("---", "--:", "--:", "--:", "--:", "---"), *(row.cells for row in rows)]
    content = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    part = re.compile(rf"(?<=<!-- {name} -->\n).*(?=<!-- /{name} -->)", re.DOTALL)
    if page.exists():
        page.write_text(part.sub(lambda _: f"\n{content}\n\n", page.read_text()))
