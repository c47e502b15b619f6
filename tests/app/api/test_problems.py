from collections.abc import Iterator

from app import errors
from app.api.problems import INTERNAL, KINDS, kind_of


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
