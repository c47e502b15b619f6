"""The quick start, with sixty films that train in seconds instead of MovieLens-100K."""

import re
from pathlib import Path
from random import Random

import polars as pl

from tests.docs.pages import broken, run

FILMS, PEOPLE, LIKED = 60, 80, 12


def films(folder: Path) -> Path:
    """Two tastes, each with its half of the films; film 50, which everybody likes, is Star Wars."""
    random = Random(7)
    liked = [
        (person, film)
        for person in range(PEOPLE)
        for film in {50, *random.sample(range(1 + person % 2, FILMS, 2), LIKED)}
    ]
    folder.mkdir()
    columns = ["user_id", "item_id"]
    pl.DataFrame(liked, columns, orient="row").write_csv(folder / "interactions.csv")
    titles = ["Star Wars" if film == 50 else f"Film {film}" for film in range(1, FILMS + 1)]
    pl.DataFrame({"item_id": range(1, FILMS + 1), "title": titles}).write_csv(folder / "items.csv")
    return folder


def test_one_click_changes_the_list(tmp_path: Path) -> None:
    data = films(tmp_path / "films")
    ran = run(
        "quick-start.md",
        tmp_path,
        instead={
            "git clone <this repository> thaw": "mkdir thaw",
            "./run": f"aside thaw demo --data {data} --budget 2s",
        },
    )
    assert ran.promised
    assert broken(ran) == [], ran.printed
    assert '"accepted":1' in ran.printed
    before, after = re.findall(r'((?:"title":"[^"]*"\n)+)"mode"', ran.printed)
    assert before.count("\n") == after.count("\n") == 5
    assert "Star Wars" in before
    assert "Star Wars" not in after
