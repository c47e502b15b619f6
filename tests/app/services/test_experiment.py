from app.domain import Entity, Namespace
from app.services.experiment import Experiment

PEOPLE = [Entity(Namespace.USER, str(number)) for number in range(4_000)]


def held_out(experiment: Experiment) -> set[Entity]:
    return {person for person in PEOPLE if experiment.arm(person) == "holdout"}


def test_the_holdout_is_the_share_that_was_asked_for() -> None:
    assert 300 < len(held_out(Experiment(0.1))) < 500
    assert 1_800 < len(held_out(Experiment(0.5))) < 2_200
    assert not held_out(Experiment(0.0))


def test_a_larger_holdout_keeps_those_of_a_smaller_one() -> None:
    assert held_out(Experiment(0.1, "autumn")) < held_out(Experiment(0.3, "autumn"))


def test_another_salt_draws_others() -> None:
    first, second = held_out(Experiment(0.1, "autumn")), held_out(Experiment(0.1, "winter"))
    assert len(first & second) < len(first) / 4


def test_nobody_in_particular_is_never_held_out() -> None:
    assert Experiment(0.5).arm(None) == "treatment"
