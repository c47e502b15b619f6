"""The commands of the README, with a generated shop and seconds of training instead of minutes."""

from pathlib import Path

from tests.app.cli.conftest import USERS, generated_shop
from tests.docs.pages import blocks, run

PAGE = "../README.md"


def line(start: str) -> str:
    """The one line of the README's commands that begins so."""
    told = "\n".join(block.code for block in blocks(PAGE) if block.language == "sh").splitlines()
    [found] = [each for each in told if each.startswith(start)]
    return found


def test_a_shop_of_ones_own_gets_a_list_that_knows_the_purchase(tmp_path: Path) -> None:
    with (generated_shop(tmp_path / "shop") / "interactions.csv").open("a") as more:
        more.writelines(f"u{user},mug-7,1700000100,5\n" for user in range(0, USERS, 4))
    train, judge = line("thaw train"), line("thaw evaluate")
    ran = run(
        PAGE,
        tmp_path,
        instead={
            line("git clone"): "",
            line("thaw/run"): "",  # the quick start runs it
            train: train.replace("5m", "2s"),
            judge: judge.replace("VERSION", '"$(ls var/weights)"'),
        },
    )
    assert '"accepted":1' in ran.printed
    assert '"support":1' in ran.printed
    assert "popularity" in ran.printed
