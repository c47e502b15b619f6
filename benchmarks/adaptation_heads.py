"""The ranking head: beside a plain loop, a fold-in library, the machine's limit and itself."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.adaptation_rows import Row
from benchmarks.adaptation_scene import DIMENSION, Scene, as_matrix, drawn_items
from benchmarks.rivals.fold_in import fitted, fold_in, one_blas_thread
from benchmarks.rivals.plain_head import adapt_heads
from benchmarks.turns import Pace, seconds_each
from models.shapes import Support

ITEMS = 3_416
"""As many as ml-1m has with any rating that counts as a like."""
BATCH = 256
STEPS = 4
BAR_SHOTS = 10
FEW = 8
"""Entities of a turn of a plain loop, whose time grows with their number."""
FOLD_BATCHES = (1, 16, 64, 256, 1024, 4096)
FOLD_STEPS = 2
"""As many as are trained by default."""
SMALL, LARGE = 10_000, 1_000_000
RELOADED = 16 * BATCH


def sampled_rows(shots: Sequence[int], pace: Pace) -> list[Row]:
    """256 sampled negatives on both sides."""
    served = Scene.untrained(ITEMS, negatives=256, steps=STEPS)
    doubting = Scene.untrained(ITEMS, negatives=256, steps=STEPS, caution=0.5)
    scenes = {
        "256 negatives, as served": (served, 250.0),
        "256 negatives, single precision": (served.single(), None),
        "256 negatives, as served, with the leave-one-out blend": (doubting, 250.0),
    }
    return [row for k in shots for row in _against_the_loop(scenes, k, pace)] + _alone(served, pace)


def full_rows(shots: Sequence[int], pace: Pace) -> list[Row]:
    """All items on both sides, and how much of the machine's arithmetic that takes."""
    served = Scene.untrained(ITEMS, negatives=ITEMS, steps=STEPS)
    single = served.single()
    scenes = {
        f"all {ITEMS:,} items, as served": (served, 30.0),
        f"all {ITEMS:,} items, single precision": (single, 30.0),
    }
    rows = [row for k in shots for row in _against_the_loop(scenes, k, pace)]
    in_single = _share(single, torch.float32, 0.5, pace)
    return [*rows, in_single, _share(served, torch.float64, None, pace)]


def fold_in_rows(shots: Sequence[int], threads: int, pace: Pace) -> list[Row]:
    """Against folding users into a factorisation of as many factors, at its best batch size."""
    served = Scene.untrained(ITEMS, negatives=256, steps=FOLD_STEPS)
    scenes = {"as served": (served, 5.0), "single precision": (served.single(), None)}
    popularity, rows = served.slow["popularity"], []
    model = fitted(as_matrix(drawn_items(popularity, 2_000, 30, seed=9), ITEMS), DIMENSION, threads)
    with one_blas_thread():
        for k in shots:
            best, folded = _best_fold(model, popularity, k, pace)
            ours = {
                what: partial(scene.adapt, scene.supports(BATCH, k))
                for what, (scene, _) in scenes.items()
            }
            taken = seconds_each({**ours, "theirs": folded}, pace)
            rows += [
                Row.of(
                    f"{FOLD_STEPS} steps, 256 negatives, {what}",
                    f"implicit, {DIMENSION} factors, batch {best:,}",
                    k,
                    BATCH / taken[what],
                    best / taken["theirs"],
                    bar if k == BAR_SHOTS else None,
                    "users/s",
                )
                for what, (_, bar) in scenes.items()
            ]
    return rows


def _best_fold(
    model: Any, popularity: Tensor, shots: int, pace: Pace
) -> tuple[int, Callable[[], object]]:
    """The batch size that folds in most users a second, and its call."""
    calls = {
        size: partial(
            fold_in, model, as_matrix(drawn_items(popularity, size, shots, seed=1), ITEMS)
        )
        for size in FOLD_BATCHES
    }
    named = {str(size): call for size, call in calls.items()}
    taken = seconds_each(named, Pace(3, pace.seconds / 4))
    best = min(calls, key=lambda size: taken[str(size)] / size)
    return best, calls[best]


def reload_rows(pace: Pace) -> list[Row]:
    """What it costs to adapt to everybody anew, by the size of the catalogue.

    Events are on popular items more often, as they are, or on any, so that no cache helps.
    """
    scenes = [Scene.untrained(items, negatives=256, steps=FOLD_STEPS) for items in (LARGE, SMALL)]
    return [
        _reload_row("", [scene.supports(RELOADED, BAR_SHOTS) for scene in scenes], scenes, pace),
        _reload_row(", events on any", [_any_items(scene) for scene in scenes], scenes, pace),
    ]


def _reload_row(how: str, supports: Sequence[Support], scenes: Sequence[Scene], pace: Pace) -> Row:
    players = {
        name: partial(scene.adapt, support)
        for name, scene, support in zip(("ours", "small"), scenes, supports, strict=True)
    }
    taken = seconds_each(players, pace)
    ours, small = (1e6 * taken[name] / RELOADED for name in players)
    what, name = f"adapting anew over {LARGE:,} items{how}", f"over {SMALL:,}"
    return Row.of(what, name, BAR_SHOTS, ours, small, 1.2, "µs an entity", "lower")


def _any_items(scene: Scene) -> Support:
    items = len(scene.slow["popularity"])
    drawn = np.random.default_rng(3).integers(items, size=(RELOADED, BAR_SHOTS))
    return Support(torch.from_numpy(drawn), torch.ones(drawn.shape, dtype=torch.float64))


class Rate(NamedTuple):
    """Entities a second."""

    batch: int
    ours: float
    loop: float


def rates(batches: Sequence[int], pace: Pace) -> list[Rate]:
    """By how many are adapted to at once; to a plain loop it makes no difference."""
    served = Scene.untrained(ITEMS, negatives=256, steps=STEPS)
    found = []
    for size in batches:
        ours = partial(served.adapt, served.supports(size, BAR_SHOTS))
        loop = partial(plain_heads, served, served.supports(FEW, BAR_SHOTS))
        taken = seconds_each({"ours": ours, "loop": loop}, pace)
        found.append(Rate(size, size / taken["ours"], FEW / taken["loop"]))
    return found


def plain_heads(scene: Scene, support: Support) -> Tensor:
    """[B, d] what the loop makes of the same task: same items, same prior, same steps."""
    slow = {name: value.float() for name, value in scene.slow.items()}
    drawn = scene.slow["negatives"]
    head = nn.Linear(DIMENSION, 1, bias=False)
    with torch.no_grad():
        head.weight.copy_(slow["initial_head"].unsqueeze(0))
    return adapt_heads(
        head,
        slow["item_vectors"],
        slow["item_biases"],
        drawn,
        slow["item_biases"][drawn] - slow["negative_log_q"],
        support.items,
        steps=len(slow["steps"]),
        rate=float(slow["steps"][0, 0]),
    )


def _against_the_loop(
    scenes: Mapping[str, tuple[Scene, float | None]], shots: int, pace: Pace
) -> list[Row]:
    plain = next(iter(scenes.values()))[0]
    players: dict[str, Callable[[], object]] = {
        what: partial(scene.adapt, scene.supports(BATCH, shots))
        for what, (scene, _) in scenes.items()
    }
    players["loop"] = partial(plain_heads, plain, plain.supports(FEW, shots))
    taken = seconds_each(players, pace)
    return [
        Row.of(
            f"{what}, batch {BATCH}",
            "plain loop",
            shots,
            BATCH / taken[what],
            FEW / taken["loop"],
            bar if shots == BAR_SHOTS else None,
            "entities/s",
        )
        for what, (_, bar) in scenes.items()
    ]


def _alone(scene: Scene, pace: Pace) -> list[Row]:
    support = scene.supports(1, BAR_SHOTS)
    players: dict[str, Callable[[], object]] = {
        "ours": partial(scene.adapt, support),
        "loop": partial(plain_heads, scene, support),
    }
    taken = seconds_each(players, pace)
    rates = 1 / taken["ours"], 1 / taken["loop"]
    what = "256 negatives, as served, batch 1"
    return [Row.of(what, "plain loop", BAR_SHOTS, *rates, 1.0, "entities/s")]


def _share(scene: Scene, kind: torch.dtype, bar: float | None, pace: Pace) -> Row:
    """Only products that are really computed count: the first step's are shared by all."""
    square = torch.randn(2048, 2048, dtype=kind)
    support = scene.supports(BATCH, BAR_SHOTS)
    taken = seconds_each(
        {"ours": partial(scene.adapt, support), "gemm": partial(torch.mm, square, square)}, pace
    )
    ours = 2 * (STEPS - 1) * 2 * BATCH * ITEMS * DIMENSION / taken["ours"] / 1e9
    limit = 2 * 2048**3 / taken["gemm"] / 1e9
    name = "sgemm" if kind == torch.float32 else "dgemm"
    what = f"all {ITEMS:,} items, {'single' if name == 'sgemm' else 'double'} precision"
    return Row.of(what, f"measured {name}", BAR_SHOTS, ours, limit, bar, "GFLOP/s")
