"""Judge meta-weights and strong simple rivals on users that training never saw.

The protocol: held-out users by the hash split that the weights were trained with; per user a pool
of min(50, half of the history) whose first k items are the support, the rest is the query at every
k; the whole catalogue is ranked; rivals are tuned per k, with a popularity blend, on validation
users; differences are paired by user; intervals are 95% by bootstrap; Holm over the table.
"""

import json
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path

from models.config import EvaluateConfig, TrainConfig
from models.data import Dataset
from models.data.transposing import of_side
from models.errors import WeightsError
from models.fold import judge_fold
from models.progress import OnProgress, part, silent
from models.provenance import code_digest
from models.report import Report
from models.summary import summarise
from models.train import Progress, train
from models.weights import MetaWeights, list_manifests, load

_TRAINING = 0.4
"""About how much of the time goes into training where there is training."""


def evaluate(
    dataset: Dataset,
    weights: MetaWeights,
    config: EvaluateConfig | None = None,
    *,
    cache: Path | None = None,
    on_progress: OnProgress = silent,
) -> Report:
    """Judge `weights` on the test users of their split, beside the baselines of a set.

    Args:
        dataset: the data that the weights were trained on.
        weights: the meta-weights to judge.
        config: what to ask, and beside whom.
        cache: a folder where judgements are kept for the same data, split, weights and code, so
            that an interrupted call goes on where it was.
        on_progress: told of every step.

    Raises:
        WeightsError: the weights may have seen the test users.
        DataError: no test user is left, or no timestamps for the order `time`.
        ValueError: there is no such set of baselines.
    """
    config, dataset = config or EvaluateConfig(), of_side(dataset, weights.side)
    return summarise(dataset, [judge_fold(dataset, weights, config, cache, on_progress)], config)


def evaluate_folds(
    dataset: Dataset,
    training: TrainConfig,
    folds: int,
    workdir: Path,
    config: EvaluateConfig | None = None,
    *,
    cache: Path | None = None,
    on_progress: OnProgress = silent,
) -> Report:
    """Train `folds` times, each time holding out other users, and judge all of these together.

    Weights that an earlier call left in `workdir` for the same data, choices and code are used.

    Raises:
        ValueError: `folds` is not in 1..10, or there is no such set of baselines.
        DataError: see `evaluate`.
    """
    if not 1 <= folds <= 10:
        raise ValueError(f"folds must be in 1..10, got {folds}")
    config, judged, sided = config or EvaluateConfig(), [], of_side(dataset, training.side)
    for number in range(folds):
        name = f"fold {number + 1}" if folds > 1 else ""
        tell = part(on_progress, number / folds, (number + 1) / folds, name)
        one = replace(training, fold=number)
        weights = trained(dataset, one, workdir, part(tell, 0, _TRAINING, "training"))
        judged.append(judge_fold(sided, weights, config, cache, part(tell, _TRAINING, 1)))
    return summarise(sided, judged, config)


def trained(
    dataset: Dataset, config: TrainConfig, workdir: Path, tell: OnProgress = silent
) -> MetaWeights:
    """The weights that `config` makes of the data, from a folder of `workdir` kept for them."""
    code, known = code_digest("models.train"), dataset.tables_digest
    aim = [asdict(config), dataset.fingerprint, known, code]
    folder = workdir / blake2b(json.dumps(aim).encode(), digest_size=8).hexdigest()
    for manifest in list_manifests(folder):
        try:
            return load(folder, manifest.version)
        except WeightsError:
            continue

    def show(now: Progress) -> None:
        tell(f"step {now.step} of at most {now.total_steps}", now.step / now.total_steps)

    tell("", 0.0)
    return load(folder, train(dataset, config, folder, on_progress=show).version)
