import pytest

from examples import learner


def test_adapts_to_new_classes_better_than_a_random_start(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, after = learner.main(iterations=60)
    assert before[0] == pytest.approx(1 / learner.WAYS, abs=0.05)
    assert after[0] == pytest.approx(1 / learner.WAYS, abs=0.05)
    assert after[-1] > before[-1] + 0.03
    printed = capsys.readouterr().out
    assert f"{after[-1]:.1%}" in printed


def test_the_same_seed_gives_the_same_accuracies() -> None:
    assert learner.main(iterations=2) == learner.main(iterations=2)
