from collections.abc import Iterator

from app import errors
from app.api.problems import INTERNAL, KINDS, kind_of, kind_of_status
from app.pointer import pointer_to


def family(root: type[errors.AppError]) -> Iterator[type[errors.AppError]]:
    for child in root.__subclasses__():
        yield child
        yield from family(child)


def test_every_error_has_a_row() -> None:
    assert set(family(errors.AppError)) == set(KINDS)


def test_rows_tell_the_errors_apart() -> None:
    slugs = [kind.slug for kind in (*KINDS.values(), INTERNAL)]
    assert len(set(slugs)) == len(slugs)
    assert all(400 <= kind.status < 600 for kind in KINDS.values())


def test_the_root_itself_is_an_internal_error() -> None:
    assert kind_of(errors.AppError) is INTERNAL
    assert kind_of(errors.TooLarge).status == 413


def test_statuses_of_the_framework_have_kinds_too() -> None:
    assert kind_of_status(429) == (429, "Too Many Requests", "too-many-requests")


def test_pointers_are_fit_to_be_sent() -> None:
    assert pointer_to(["\ud800", "x" * 1000]) == "/\\ud800/" + "x" * 256
