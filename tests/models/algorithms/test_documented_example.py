"""The algorithm that docs/algorithms.md writes out keeps every promise and is short."""

import re
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from models import algorithms
from tests.models.algorithms.conformance import Conformance

DOC = Path(__file__).parents[3] / "docs" / "algorithms.md"


def documented_code() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    return str(code)


def test_the_example_is_shorter_than_promised() -> None:
    text = DOC.read_text()
    (promised,) = re.findall(r"## How to add one in under (\d+) lines", text)
    assert 0 < len(documented_code().splitlines()) < int(promised)


def test_every_algorithm_of_the_registry_is_documented() -> None:
    text = DOC.read_text()
    for name in algorithms.names():
        assert f"| `{name}` | {algorithms.get(name).retrieval} |" in text


class TestDocumentedExample(Conformance):
    @pytest.fixture(scope="class")
    @classmethod
    def name(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        """Saved, imported and registered as the page says."""
        path = tmp_path_factory.mktemp("example") / "rocchio.py"
        path.write_text(documented_code())
        spec = spec_from_file_location("models.algorithms.rocchio", path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, spec.name, module)
            spec.loader.exec_module(module)
            patch.setitem(algorithms._ALGORITHMS, "rocchio", module.Rocchio)
            yield "rocchio"
