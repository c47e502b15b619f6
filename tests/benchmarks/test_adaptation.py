"""The benchmark: rivals do the same task, rows say what they compare, a quick run writes it all."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as criterion

from benchmarks import adaptation, adaptation_heads, adaptation_modules
from benchmarks.adaptation_heads import plain_heads
from benchmarks.adaptation_modules import RATE, STEPS, Modules
from benchmarks.adaptation_rows import Row, markdown_of
from benchmarks.adaptation_scene import Scene, as_matrix, drawn_items
from benchmarks.rivals import fold_in, higher_modules, plain_modules
from benchmarks.turns import Pace, seconds_each
from tests.models.generated_data import generated_dataset


@pytest.mark.parametrize("negatives", [40, 300])
def test_the_plain_loop_ends_at_the_same_heads(negatives: int) -> None:
    """With 40 of 300 items sampled, and with all."""
    scene = Scene.untrained(300, negatives=negatives, steps=3)
    support = scene.supports(5, 7)
    ours, _ = scene.adapt(support)
    torch.testing.assert_close(plain_heads(scene, support), ours.float(), rtol=1e-4, atol=1e-4)


def test_single_precision_adapts_to_the_same() -> None:
    scene = Scene.untrained(300, negatives=40, steps=3)
    support = scene.supports(5, 7)
    fast, _ = scene.single().adapt(support)
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast, scene.adapt(support)[0].float(), rtol=1e-4, atol=1e-4)


def test_a_doubting_scene_looks_at_every_event() -> None:
    calm = Scene.untrained(300, negatives=40, steps=2)
    doubting = Scene.untrained(300, negatives=40, steps=2, caution=0.5)
    support = calm.supports(20, 7)
    assert (doubting.adapt(support)[1] < calm.adapt(support)[1]).any()


def test_rival_modules_end_at_the_same_parameters() -> None:
    modules = Modules(4)
    inputs, targets = modules.first(3)
    ours = modules.recorded(compiled=False)((inputs, targets))
    for rival in (plain_modules, higher_modules):
        theirs = rival.adapt_modules(modules.net, criterion, inputs, targets, STEPS, RATE)
        for task, adapted in enumerate(theirs):
            values = adapted.parameters() if isinstance(adapted, torch.nn.Module) else adapted
            for (name, _), value in zip(modules.net.named_parameters(), values, strict=True):
                torch.testing.assert_close(ours[name][task], value.detach(), rtol=1e-4, atol=1e-5)


def test_folding_in_gives_users_factors() -> None:
    popularity = torch.linspace(-1, -4, 50)
    model = fold_in.fitted(as_matrix(drawn_items(popularity, 60, 8, seed=0), 50), 4, threads=1)
    with fold_in.one_blas_thread():
        users = fold_in.fold_in(model, as_matrix(drawn_items(popularity, 9, 3, seed=1), 50))
    assert users.shape == (9, 4)
    assert (users.std(0) > 0).all()


def test_supports_name_different_items() -> None:
    items = drawn_items(torch.linspace(-1, -6, 40), 200, 10, seed=0)
    assert all(len(set(row)) == 10 for row in items.tolist())
    assert (items < 20).mean() > 0.5


def test_larger_catalogues_are_jittered_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = Scene.untrained(10_050, negatives=4, steps=1).slow["item_vectors"]
    moved = vectors[10_000:] - vectors[:50]
    assert 0 < moved.std() < 0.2 * vectors.std()


def test_turns_take_the_median() -> None:
    clock = iter([0.0, 1.0, *(part for spent in (1.0, 5.0, 3.0) for part in (0.0, spent))])

    def ticks() -> Iterator[float]:
        yield from clock

    ticking = ticks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.turns.perf_counter", lambda: next(ticking))
        assert seconds_each({"one": lambda: None}, Pace(3, 0.5)) == {"one": 3.0}


def test_a_row_knows_whether_its_bar_holds() -> None:
    def row(ratio: float, bar: float | None, *, lower: bool = False) -> Row:
        return Row("a", "b", 10, ratio, 1.0, ratio, bar, "lower" if lower else "higher", "1/s")

    assert [row(3, 2).holds, row(1, 2).holds, row(1, None).holds] == [True, False, True]
    assert [row(3, 2, lower=True).holds, row(1, 2, lower=True).holds] == [False, True]
    assert "| a / b | 10 | 1.00 | 1.00 | 1.00 missed | ≥ 2 | 1/s |" in markdown_of([row(1, 2)])


def test_a_quick_run_writes_rows_table_and_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"ITEMS": 300, "BATCH": 4, "FEW": 1, "RELOADED": 8}.items():
        monkeypatch.setattr(adaptation_heads, name, value)
    monkeypatch.setattr(adaptation_heads, "FOLD_BATCHES", (4,))
    monkeypatch.setattr(adaptation_heads, "SMALL", 300)
    monkeypatch.setattr(adaptation_heads, "LARGE", 600)
    for name, value in {"BATCH": 4, "FEW": 1}.items():
        monkeypatch.setattr(adaptation_modules, name, value)
    monkeypatch.setattr(adaptation, "QUICK", Pace(1, 0.0))
    monkeypatch.setattr(adaptation, "BATCHES", (1, 2))
    generated_dataset(tmp_path / "generated", users=120)
    docs = tmp_path / "docs"
    docs.mkdir()
    page = docs / "performance.md"
    page.write_text("before\n<!-- adaptation -->\nold\n<!-- /adaptation -->\nafter\n")
    places = [
        f"--results={tmp_path / 'results'}",
        f"--docs={docs}",
        f"--cache={tmp_path / 'cache'}",
    ]
    threads = torch.get_num_threads()
    adaptation.main(
        [str(tmp_path / "generated"), "--quick", "--threads=1", "--budget=0.1", *places]
    )
    torch.set_num_threads(threads)
    content = json.loads((tmp_path / "results" / "adaptation.json").read_text())
    assert {row["better"] for row in content["rows"]} == {"higher", "lower"}
    assert sum(row["bar"] is not None for row in content["rows"]) >= 10
    assert all(row["ratio"] == row["ours"] / row["rival"] > 0 for row in content["rows"])
    assert [row["unit"] for row in content["rows"]].count("NDCG@10") == 1
    assert [rate["batch"] for rate in content["rates"]] == [1, 2]
    assert (docs / "images" / "adaptation.svg").stat().st_size > 10_000
    written = page.read_text()
    assert written.startswith("before\n<!-- adaptation -->\n\n| what |")
    assert "old" not in written
    assert written.endswith("<!-- /adaptation -->\nafter\n")
    assert "1 of" in capsys.readouterr().out
