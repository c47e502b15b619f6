"""The recipes run as they are written, and print what they say."""

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, broken, run

RECIPES = sorted(
    f"recipes/{page.name}" for page in (DOCS / "recipes").glob("*.md") if page.name != "README.md"
)


@pytest.mark.parametrize("page", RECIPES)
def test_a_recipe_keeps_what_it_promises(page: str, tmp_path: Path) -> None:
    ran = run(page, tmp_path)
    assert ran.promised
    assert broken(ran) == [], ran.printed
