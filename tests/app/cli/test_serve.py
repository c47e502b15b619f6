"""The socket of `thaw serve`."""

from app.cli.serve import listen


def test_two_starts_cannot_get_one_port() -> None:
    first = listen("127.0.0.1", 0)
    assert first is not None
    with first:
        port = first.getsockname()[1]
        assert listen("127.0.0.1", port) is None
        second = listen("127.0.0.1", port, move_on=True)
        assert second is not None
        with second:
            assert second.getsockname()[1] > port
