"""The documentation as a site: every page has its place, and nothing comes from outside."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OUTSIDE = re.compile(r'<(?:script|link|img|iframe)[^>]* (?:src|href)="?(https?:|//)[^>]*>')


def build(root: Path, site: Path) -> "subprocess.CompletedProcess[str]":
    configuration = root / ".ci" / "mkdocs.yml"
    command = ["build", "--strict", "-f", str(configuration), "-d", str(site)]
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", *command],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    ended = build(ROOT, folder)
    assert ended.returncode == 0, ended.stderr
    return folder


def test_pages_load_nothing_from_outside(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        assert OUTSIDE.search(page.read_text()) is None, page.name


def test_every_decision_is_in_the_nav(site: Path) -> None:
    nav = (site / "index.html").read_text()
    decisions = list((ROOT / "docs" / "adr").glob("0*.md"))
    assert decisions
    for decision in decisions:
        assert f'href="adr/{decision.stem}.html"' in nav


def test_a_link_into_the_source_is_text_on_the_site(site: Path) -> None:
    page = (site / "api.html").read_text()
    assert "client.py (<code>app/client.py</code>)" in page
    assert 'href="../app/' not in page


def test_a_link_that_leads_nowhere_fails(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    faq = tmp_path / "docs" / "faq.md"
    faq.write_text(faq.read_text() + "\n[there](data.md#nowhere)\n")
    ended = build(tmp_path, tmp_path / "site")
    assert ended.returncode == 1
    assert "nowhere" in ended.stderr
