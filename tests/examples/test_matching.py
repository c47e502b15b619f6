import pytest

from examples import matching


def test_learns_to_compare(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = matching.main(iterations=60)
    assert before == pytest.approx(1 / matching.WAYS, abs=0.06)
    assert after > before + 0.05
    assert f"{after:.1%}" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_accuracies() -> None:
    assert matching.main(iterations=2) == matching.main(iterations=2)
