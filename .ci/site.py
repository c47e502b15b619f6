# noqa: INP001 - MkDocs loads this file by its path
"""What the site needs beyond its configuration; MkDocs calls these functions by their names."""

import re
from collections.abc import MutableMapping
from pathlib import Path
from posixpath import normpath
from typing import Any, Protocol

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#\s]+)\)")


class Source(Protocol):
    src_uri: str


class Page(Protocol):
    file: Source


def on_config(config: MutableMapping[str, Any]) -> None:
    """All decisions are in the nav, so that writing one is adding a file."""
    folder = Path(config["docs_dir"]) / "adr"
    pages = sorted(f"adr/{page.name}" for page in folder.glob("0*.md"))
    config["nav"].append({"Decisions": ["adr/README.md", *pages]})


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Links out of docs/ lead to files of the repository; on the site they are text."""
    folder = page.file.src_uri.rpartition("/")[0]

    def shown(link: re.Match[str]) -> str:
        target = normpath(f"docs/{folder}/{link[2]}")
        return link[0] if target.startswith("docs/") else f"{link[1]} (`{target}`)"

    return LINK.sub(shown, markdown)
