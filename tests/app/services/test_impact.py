"""What may count, and in which group."""

from dataclasses import replace

from app.domain import Arm, Entity, Mode, Namespace
from app.services.experiment import Experiment
from app.services.impact import Impact, Tally, tally
from app.services.receipt import Receipt, sign, whose
from app.stores.showings import Showing, Showings

KEY, NOW = bytes(32), 1_700_000_000_000
HALF = Experiment(0.5)
PEOPLE = [Entity(Namespace.USER, str(number)) for number in range(40)]
GUESTS = [Entity(Namespace.ANON, str(number)) for number in range(40)]
[TREATED, *_] = [person for person in PEOPLE if HALF.arm(person) == "treatment"]
[HELD, *_] = [person for person in PEOPLE if HALF.arm(person) == "holdout"]
[TREATED_GUEST, *_] = [guest for guest in GUESTS if HALF.arm(guest) == "treatment"]
[HELD_GUEST, *_] = [guest for guest in GUESTS if HALF.arm(guest) == "holdout"]


def receipt(whom: Entity, arm: Arm, mode: Mode = "adapted", support: int = 4) -> Receipt:
    return Receipt(mode, arm, support, 12, "v1", NOW // 1000, whose(whom))


def showing(whom: Entity, request_id: str, *counts: int) -> Showing:
    impressions, clicks, positives, untold = (*counts, 0, 0, 0)[:4]
    return Showing(whom, request_id, impressions, clicks, positives, untold)


def tallied(
    *lists: Showing, guests: dict[Entity, list[Entity]] | None = None, experiment: Experiment = HALF
) -> Impact:
    told = Showings(lists, guests or {}, events=7, since=NOW - 5)
    return tally(told, KEY, experiment, NOW - 5, NOW)


def test_lists_count_by_how_they_came_about() -> None:
    found = tallied(
        showing(TREATED, sign(KEY, receipt(TREATED, "treatment")), 10, 3, 4, 1),
        showing(TREATED, sign(KEY, receipt(TREATED, "treatment", "prior", 0)), 5, 1, 1),
        showing(HELD, sign(KEY, receipt(HELD, "holdout", "prior", 0)), 5, 0, 1),
    )
    assert found.total == Tally(20, 4, 6)
    assert found.by_mode == {"adapted": Tally(10, 3, 4), "prior": Tally(10, 1, 2)}
    assert found.by_arm == {"treatment": Tally(15, 4, 5), "holdout": Tally(5, 0, 1)}
    assert found.by_support == {"3-5": Tally(10, 3, 4), "0": Tally(10, 1, 2)}
    assert found.by_version == {"v1": found.total}
    assert (found.lists, found.untold, found.forged, found.foreign) == (3, 1, 0, 0)
    assert found.complete
    assert found.gain is not None
    assert found.gain.value == 0.1333


def test_what_was_not_signed_here_is_forged() -> None:
    good = sign(KEY, receipt(TREATED, "treatment"))
    found = tallied(
        showing(TREATED, good[:-1] + ("A" if good[-1] != "A" else "B"), 10, 10, 10),
        showing(TREATED, sign(b"another key", receipt(TREATED, "treatment")), 10, 10, 10),
        showing(TREATED, "6f1c", 10, 10, 10),
    )
    assert (found.forged, found.lists, found.total) == (3, 0, Tally())
    assert found.total.click_rate is None
    assert found.gain is None


def test_what_was_made_for_somebody_else_is_foreign() -> None:
    everyones = replace(receipt(TREATED, "treatment"), issuer=whose(None))
    found = tallied(
        showing(TREATED, sign(KEY, receipt(HELD, "holdout")), 10, 10, 10),
        showing(TREATED, sign(KEY, everyones), 10, 10, 10),
        showing(TREATED, sign(KEY, receipt(TREATED, "treatment")), 1),
    )
    assert (found.foreign, found.lists, found.crossovers) == (2, 1, 0)
    assert found.by_arm == {"treatment": Tally(1)}


def test_a_guest_in_the_arm_of_its_member_counts() -> None:
    found = tallied(
        showing(TREATED, sign(KEY, receipt(TREATED_GUEST, "treatment")), 4, 1, 1),
        showing(TREATED, sign(KEY, receipt(TREATED, "treatment")), 6, 1, 1),
        guests={TREATED: [TREATED_GUEST]},
    )
    assert found.total == Tally(10, 2, 2)
    assert (found.crossovers, found.foreign) == (0, 0)


def test_who_was_in_both_arms_is_left_out() -> None:
    """Even where nothing tells what the guest was shown."""
    members_own = showing(TREATED, sign(KEY, receipt(TREATED, "treatment")), 6, 1, 1)
    other = showing(HELD, sign(KEY, receipt(HELD, "holdout")), 1)
    found = tallied(members_own, other, guests={TREATED: [HELD_GUEST]})
    assert (found.crossovers, found.total) == (1, Tally(1))


def test_who_changed_arms_with_the_settings_is_left_out() -> None:
    before = showing(TREATED, sign(KEY, receipt(TREATED, "holdout", "prior", 0)), 6, 1, 1)
    found = tallied(before)
    assert (found.crossovers, found.lists) == (1, 0)


def test_without_an_experiment_nobody_crosses_over() -> None:
    found = tallied(
        showing(TREATED, sign(KEY, receipt(HELD_GUEST, "treatment")), 4, 1, 1),
        guests={TREATED: [HELD_GUEST]},
        experiment=Experiment(),
    )
    assert (found.crossovers, found.total) == (0, Tally(4, 1, 1))
