"""Every command as a user runs it: what it prints, what it leaves, how it fails."""

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.cli.learn import as_read_by, stop_on_interrupt
from app.cli.past import items_of, users_of
from app.cli.serve import address, listen
from models import algorithms
from models.data import read
from models.weights import load
from tests.app.cli.conftest import BASKET, ITEMS, USERS, Ended
from tests.generated import save_generated

Thaw = Callable[..., Ended]
COMMANDS = {
    "demo",
    "serve",
    "train",
    "evaluate",
    "data",
    "import",
    "db",
    "weights",
    "keys",
    "settings",
    "doctor",
    "init",
    "export",
    "retrain",
}


def test_help_names_every_command_and_exit_code() -> None:
    said = CliRunner().invoke(cli, ["--help"]).output
    assert {name for name in COMMANDS if f" {name} " in said} == COMMANDS
    assert "2 something to mend" in said


def test_settings_say_where_each_value_comes_from(
    thaw: Thaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_REDIS__URL", "redis://:secret@cache/0")
    monkeypatch.setenv("THAW_SERVER", '{"port": 9000}')
    found = json.loads(thaw("settings", "--json").out)
    assert found["redis.url"] == {"value": "redis://:***@cache/0", "source": "THAW_REDIS__URL"}
    assert found["server.port"] == {"value": 9000, "source": "THAW_SERVER"}
    assert found["namespace"] == {"value": "thaw", "source": "default"}
    assert ":secret@" not in thaw("settings").out


def test_a_setting_that_is_not_acceptable_is_named(
    thaw: Thaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_ENGINE__QUEUE_LIMIT", "0")
    ended = thaw("settings")
    assert ended.code == 2
    assert "engine.queue_limit" in ended.err


def test_keys_are_made_listed_and_revoked(thaw: Thaw) -> None:
    assert thaw("db", "upgrade").code == 0
    key = thaw("keys", "create", "--scope", "server", "--label", "shop").out.strip()
    _, scope, key_id, secret = key.split("_")
    assert scope == "server"
    listed = thaw("keys", "list").out
    assert key_id in listed
    assert "shop" in listed
    assert secret not in listed
    assert thaw("keys", "revoke", key_id).code == 0
    (row,) = json.loads(thaw("keys", "list", "--json").out)
    assert row["revoked_at"] is not None
    unknown = thaw("keys", "revoke", "nobody")
    assert unknown.code == 2
    assert "nobody" in unknown.err


def test_a_key_gets_a_new_secret(thaw: Thaw) -> None:
    assert thaw("db", "upgrade").code == 0
    key = thaw("keys", "create", "--scope", "admin").out.strip()
    key_id = key.split("_")[2]
    rotated = thaw("keys", "rotate", key_id, "--grace-hours", "0").out.strip()
    assert rotated.split("_")[:3] == key.split("_")[:3]
    assert rotated != key
    last = thaw("keys", "revoke", key_id)
    assert last.code == 2
    assert "last admin key" in last.err


def test_a_database_without_tables_is_one_sentence_and_a_next_step(thaw: Thaw) -> None:
    ended = thaw("keys", "list")
    assert ended.code == 2
    assert ended.err.splitlines()[0].startswith("the database lacks tables")
    assert "thaw db upgrade" in ended.err
    assert "Traceback" not in ended.err


def test_the_migrations_give_the_tables_of_the_code(thaw: Thaw) -> None:
    assert thaw("db", "check").code == 0


def test_an_import_counts_and_repeats_safely(thaw: Thaw, shop: Path) -> None:
    thaw("db", "upgrade")
    events = USERS * BASKET
    first = json.loads(thaw("import", "--data", shop, "--json").out)
    assert first == {"new": events, "duplicates": 0, "refused": {}}
    second = json.loads(thaw("import", "--data", shop, "--json").out)
    assert second == {"new": 0, "duplicates": events, "refused": {}}


def test_a_purge_deletes_history_that_is_older_than_the_retention(thaw: Thaw, shop: Path) -> None:
    thaw("db", "upgrade")
    thaw("import", "--data", shop)
    assert thaw("db", "purge").err.startswith(f"{USERS * BASKET} events deleted")
    assert thaw("db", "purge").err.startswith("0 events deleted")
    assert json.loads(thaw("import", "--data", shop, "--json").out)["new"] == USERS * BASKET


def test_an_import_without_ratings_takes_the_type_it_is_told(thaw: Thaw, shop: Path) -> None:
    thaw("db", "upgrade")
    interactions = shop / "interactions.csv"
    pl.read_csv(interactions).drop("rating", "timestamp").write_csv(interactions)
    unknown = thaw("import", "--data", shop, "--type", "bought")
    assert unknown.code == 2
    assert "unknown event type 'bought'; pass one of cart, click" in unknown.err
    done = json.loads(thaw("import", "--data", shop, "--type", "purchase", "--json").out)
    assert done["new"] == USERS * BASKET
    assert (
        json.loads(thaw("import", "--data", shop, "--type", "purchase", "--json").out)["new"] == 0
    )


def test_ratings_out_of_range_are_refused_before_anything_is_stored(
    thaw: Thaw, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thaw("db", "upgrade")
    monkeypatch.setenv("THAW_EVENTS__RATING_RANGE", "[2, 10]")
    ended = thaw("import", "--data", shop)
    assert ended.code == 2
    assert "ratings from 1 to 5, allowed are 2 to 10" in ended.err
    monkeypatch.setenv("THAW_EVENTS__RATING_RANGE", "[1, 10]")
    assert json.loads(thaw("import", "--data", shop, "--json").out)["duplicates"] == 0


def test_training_prints_where_the_weights_are_and_evaluate_judges_them(
    thaw: Thaw, shop: Path, tmp_path: Path
) -> None:
    trained = thaw("train", "--data", shop, "--out", "weights", "--seed", "3", "--budget", "1s")
    version = Path(trained.out.strip())
    manifest = json.loads((tmp_path / version / "manifest.json").read_text())
    assert manifest["split"]["seed"] == 3
    assert f"kept {USERS * BASKET} of {USERS * BASKET} interactions" in trained.err
    judged = thaw(
        *("evaluate", "--data", shop, "--weights", version, "--baselines", "none"),
        *("--json", "report.json", "--markdown", "report.md"),
    )
    assert judged.code == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["weights"] == [version.name]
    assert set(report["methods"]) == {"ours", "prior"}
    assert (tmp_path / "report.md").read_text().strip() == judged.out.strip()


def test_evaluate_draws_asks_again_and_takes_its_shots(
    thaw: Thaw, shop: Path, tmp_path: Path
) -> None:
    version = thaw("train", "--data", shop, "--out", "weights", "--budget", "1s").out.strip()
    asked = ("evaluate", "--data", shop, "--weights", version, "--baselines", "none")
    judged = thaw(*asked, "--seeds", 2, "--shots", "5,0", "--plot", "k.svg", "--json", "k.json")
    assert judged.code == 0
    assert (tmp_path / "k.svg").read_text().startswith("<?xml")
    report = json.loads((tmp_path / "k.json").read_text())
    assert report["seeds"] == [0, 1]
    assert list(report["n"]) == ["0", "5"]
    for bad in (("--plot", "k.txt"), ("--shots", "few"), ("--shots", "5000")):
        assert thaw(*asked, *bad).code == 2


def test_folds_are_trained_with_the_same_choices(thaw: Thaw, shop: Path, tmp_path: Path) -> None:
    version = thaw("train", "--data", shop, "--out", "weights", "--budget", "1s").out.strip()
    judged = thaw(
        *("evaluate", "--data", shop, "--weights", version, "--baselines", "none"),
        *("--folds", "2", "--json", "report.json"),
    )
    assert judged.code == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["weights"]) == 2
    assert [path.name for path in (tmp_path / "weights").iterdir()] == [Path(version).name]


def test_folds_are_trained_without_what_was_ignored(thaw: Thaw, shop: Path, tmp_path: Path) -> None:
    ignoring = ("--ignore", "price", "--ignore", "since")
    trained = thaw("train", "--data", shop, "--out", "weights", "--budget", "1s", *ignoring)
    version = tmp_path / trained.out.strip()
    alike = as_read_by(load(version.parent, version.name), read(shop))
    assert alike.items is not None
    assert set(alike.items.columns) == {"item_id", "title", "tags"}


def test_folds_of_weights_that_began_from_others_are_refused(thaw: Thaw, shop: Path) -> None:
    start = ("train", "--data", shop, "--out", "weights", "--budget", "1s")
    first = thaw(*start).out.strip()
    later = thaw(*start, "--from", first, "--seed", 1).out.strip()
    judged = thaw("evaluate", "--data", shop, "--weights", later, "--folds", "2")
    assert judged.code == 2
    assert "began from other meta-weights" in judged.err


def test_retraining_again_and_again_outlives_a_log_that_teaches_nothing(
    thaw: Thaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert thaw("db", "upgrade").code == 0

    def enough(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.cli.retrain.time.sleep", enough)
    ended = thaw("retrain", "--every", "1h")
    assert ended.code == 130
    assert "no event teaches anything" in ended.err
    assert "the next attempt is in 1h" in ended.err


def test_items_are_judged_by_their_audience_and_inside_lists(
    thaw: Thaw, shop: Path, tmp_path: Path
) -> None:
    trained = thaw("train", "--data", shop, "--out", "w", "--side", "item", "--budget", "1s")
    asked = ("evaluate", "--data", shop, "--weights", trained.out.strip(), "--baselines", "none")
    judged = thaw(*asked, "--side", "item", "--json", "report.json", "--markdown", "report.md")
    assert judged.code == 0, judged.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["side"] == "item"
    assert report["new_items"]["new_items"] == report["n"]["0"]
    assert report["new_items"]["weights"] != report["weights"]
    page = (tmp_path / "report.md").read_text()
    assert page.strip() == judged.out.strip()
    assert "held-out items" in page
    assert "items that training never saw" in page
    other = thaw(*asked, "--side", "user")
    assert other.code == 2
    assert "was trained for the side of items" in other.err


def test_what_cannot_be_trained_or_judged_says_why(thaw: Thaw, shop: Path) -> None:
    nowhere = thaw("train", "--data", "nowhere", "--out", "weights")
    assert nowhere.code == 2
    assert nowhere.err.startswith("nowhere: there is no such folder")
    unknown = thaw("train", "--data", shop, "--out", "weights", "--algorithm", "magic")
    assert unknown.code == 2
    assert f"unknown algorithm 'magic'; known: {', '.join(algorithms.names())}\n" in unknown.err
    budget = thaw("train", "--data", shop, "--out", "weights", "--budget", "soon")
    assert budget.code == 2
    assert "'soon' is not a duration" in budget.err
    missing = thaw("evaluate", "--data", shop, "--weights", "weights/0123456789ab")
    assert missing.code == 2
    assert "thaw weights list" in missing.err


def test_the_first_interrupt_asks_and_the_second_insists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before
    assert "the best so far is kept" in capsys.readouterr().err


def test_weights_are_listed(thaw: Thaw, tmp_path: Path) -> None:
    none = thaw("weights", "list")
    assert none.code == 0
    assert "thaw train" in none.err
    version = save_generated(tmp_path / "var" / "weights").version
    assert version in thaw("weights", "list").out
    (listed,) = json.loads(thaw("weights", "list", "--json").out)
    assert listed["version"] == version


def test_a_reload_needs_a_key_and_a_service(thaw: Thaw) -> None:
    keyless = thaw("weights", "reload")
    assert keyless.code == 2
    assert "--key" in keyless.err
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        silent = thaw("weights", "reload", "--key", "k", "--url", url)
    assert silent.code == 2
    assert f"{url} does not answer" in silent.err


def test_a_taken_port_is_passed_over_only_if_none_was_asked_for(
    thaw: Thaw, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = thaw("serve", "--port", port)
        assert refused.code == 2
        assert f"cannot listen on 127.0.0.1:{port}" in refused.err
        found = listen("127.0.0.1", port, move_on=True)
        assert found is not None
        with found:
            assert found.getsockname()[1] > port
            assert address(found) == f"http://127.0.0.1:{found.getsockname()[1]}"
    assert f"port {port}: " in capsys.readouterr().err


def test_items_keep_their_properties(thaw: Thaw, shop: Path) -> None:
    dataset = read(shop)
    items = {item.item_id: item.properties for item in items_of(dataset)}
    assert len(items) == ITEMS
    assert items["i3"] == {"title": "Item 3", "tags": [], "since": "2025-01-04T00:00:00+00:00"}
    assert items["i4"]["price"] == 1.0
    assert [(user.user_id, user.properties) for user in users_of(dataset)] == [
        ("u0", {"city": "Bern"}),
        ("u1", {}),
    ]
