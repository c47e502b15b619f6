"""Results follow the code they depend on, and no other."""

from pathlib import Path

import pytest

from models.baselines import SETS
from models.provenance import code_digest, sources


def test_rivals_depend_on_what_judges_them_and_on_no_other_rival() -> None:
    judging = set(sources(["models.baselines.judged"]))
    assert {"models.metrics", "models.baselines.crowd", "models.baselines.tuning"} <= judging
    own = {baseline.module for rivals in SETS.values() for baseline in rivals}
    assert not judging & own
    for module in own:
        assert not set(sources([module])) & (own - {module})


def test_training_does_not_depend_on_rivals() -> None:
    training = set(sources(["models.train"]))
    assert {"models.algorithms.meta_sgd", "models.inner", "models.config"} <= training
    assert not any(name.startswith(("models.baselines", "models.report")) for name in training)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("models.provenance._ABOVE", tmp_path)
    folder = tmp_path / "models"
    (folder / "deep").mkdir(parents=True)
    for name, text in {
        "top": "from models import middle\nimport math\n",
        "middle": "def late():\n    import models.deep.bottom\n",
        "deep/__init__": "import models.deep.other\n",
        "deep/bottom": "from models.errors import Failure\nfrom models.top import itself\n",
        "deep/other": "",
        "errors": "class Failure(Exception): ...\n",
    }.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_imports_are_followed_to_the_ground(library: Path) -> None:
    assert set(sources(["models.top"])) == {"models.top", "models.middle", "models.deep.bottom"}
    assert set(sources(["models.deep"])) == {"models.deep", "models.deep.other"}


@pytest.mark.parametrize("changed", ["top", "middle", "deep/bottom"])
def test_a_change_anywhere_below_changes_the_digest(library: Path, changed: str) -> None:
    before = code_digest("models.top")
    with (library / f"{changed}.py").open("a") as source:
        source.write("extra = 1\n")
    assert code_digest("models.top") != before


@pytest.mark.parametrize("changed", ["deep/other", "errors"])
def test_a_change_elsewhere_does_not(library: Path, changed: str) -> None:
    before = code_digest("models.top")
    (library / f"{changed}.py").write_text("extra = 1\n")
    assert code_digest("models.top") == before
