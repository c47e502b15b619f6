"""What commands show while one waits."""

from io import StringIO

import pytest
from rich.console import Console

from app.cli.console import showing_parts


def test_a_terminal_shows_how_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = StringIO()
    terminal = Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr("app.cli.console.err", terminal)
    with showing_parts("judging") as show:
        show("fold 1, ease", 0.25)
        show("fold 1, sasrec", 0.5)
    shown = screen.getvalue()
    assert "judging" in shown
    assert "100%" in shown
    assert "left" in shown


def test_a_log_gets_a_line_for_everything_new(capsys: pytest.CaptureFixture[str]) -> None:
    with showing_parts("judging") as show:
        for step in range(100):
            show(f"sasrec, step {step} of 100", step / 200)
        show("ease", 0.5)
    assert capsys.readouterr().err.splitlines() == ["  0% sasrec, step 0 of 100", " 50% ease"]
