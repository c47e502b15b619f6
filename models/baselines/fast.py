"""Popularity, lift, item-kNN, LMMSE, EASE: rivals that need seconds.

Up to DENSE_ITEMS items everything is exact. Above, lift and item-kNN know the NEIGHBOURS most
similar items of an item, and LMMSE and EASE know the DENSE_ITEMS most popular items (the others
are ranked by popularity there).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.baselines.baseline import Baseline, Setting, each, grid
from models.baselines.crowd import Crowd, Floats, Scorer, indicator
from models.baselines.head import on_head
from models.progress import OnProgress


def no_scorers(
    crowd: Crowd,  # noqa: ARG001  (the one interface)
    settings: Sequence[Setting],  # noqa: ARG001
    tell: OnProgress,  # noqa: ARG001
) -> Iterator[tuple[Setting, Scorer]]:
    """Popularity needs none: every rival falls back on it where its scores do not help."""
    return iter(())


def fit_lift(crowd: Crowd, setting: Setting) -> Scorer:
    """Sum over the support of lift(i, j) = n_ij / (n_i n_j / U), both sides smoothed; or its log.

    With the log and popularity added once this is naive Bayes.
    """
    pairs, smooth = crowd.pairs, np.float32(setting["smoothing"])
    expected = pairs.row_counts * pairs.partner_counts / np.float32(crowd.users)
    lift: Floats = (pairs.both + smooth) / (expected + smooth)
    if setting["form"] == "log":
        np.log(lift, out=lift)
    if pairs.partners is not None:
        lift[pairs.both == 0] = 0
    return pairs.scorer(lift)


def fit_item_knn(crowd: Crowd, setting: Setting) -> Scorer:
    """Sum over the support of n_ij / (sqrt(n_i n_j) + shrinkage), nearest neighbours only.

    (Sarwar et al. 2001.) `levelling` divides row j by a power of its sum, so that a popular item in
    the support does not drown the others.
    """
    pairs = crowd.pairs
    norm = np.sqrt(pairs.row_counts * pairs.partner_counts) + float(setting["shrinkage"])
    near = pairs.both / np.maximum(norm, 1e-9)
    neighbours = int(setting["neighbours"]) or near.shape[1]
    if neighbours < near.shape[1]:
        bar = -np.partition(-near, neighbours, axis=1)[:, neighbours, None]
        near = np.where(near > bar, near, 0)
    total = np.maximum(near.sum(1, keepdims=True), 1e-9)
    return pairs.scorer(near / total ** float(setting["levelling"]))


def fit_ease(crowd: Crowd, setting: Setting) -> Scorer:
    """Sum of the support's rows of B = I - P / diag(P), P = (X'X + lambda I)^-1 (Steck 2019)."""
    ridge = torch.from_numpy(crowd.head_pairs.copy())
    ridge.diagonal().add_(float(setting["lambda"]))
    factor = torch.linalg.cholesky(ridge, out=ridge)
    inverse = torch.cholesky_inverse(factor, out=factor)
    weights = inverse.div_(-inverse.diagonal().clone()).fill_diagonal_(0).numpy()

    def score(rows: NDArray[np.int64], known: NDArray[np.bool_]) -> Floats:
        scores: Floats = indicator(rows, len(weights), known) @ weights
        return scores

    return on_head(crowd, score, np.zeros(crowd.items, np.float32))


def fit_lmmse(crowd: Crowd, setting: Setting) -> Scorer:
    """The linear estimate of least mean square error of who has what, given the support's ones.

    Entries are scaled by d = sqrt(m (1 - m) + .02) for means m; with R the covariance of the scaled
    entries, E[x] = m + d R_.S (R_SS + lambda I)^-1 ((1 - m_S) / d_S): the conditional mean of a
    gaussian. Scored by E[x] itself or by its departure from m in units of d.
    """
    everyone: Floats = crowd.counts / np.float32(crowd.users)
    mean = everyone[crowd.head]
    scale: Floats = np.sqrt(mean * (1 - mean) + 0.02)
    related: Floats = crowd.head_pairs / np.float32(crowd.users)
    related -= np.outer(mean, mean)
    related /= np.outer(scale, scale)
    related_tensor = torch.from_numpy(related)
    surprise = torch.from_numpy((1 - mean) / scale)
    expected = setting["score"] == "expected"

    def score(rows: NDArray[np.int64], known: NDArray[np.bool_]) -> Floats:
        place, mask = torch.from_numpy(rows), torch.from_numpy(known)
        among = related_tensor[place[:, :, None], place[:, None, :]]
        among = among * (mask[:, :, None] & mask[:, None, :])
        ridge = among + float(setting["lambda"]) * torch.eye(rows.shape[1])
        pull = torch.linalg.solve(ridge, (surprise[place] * mask)[:, :, None])[:, :, 0]
        departure: Floats = indicator(rows, len(related), pull.numpy()) @ related
        return mean + scale * departure if expected else departure

    return on_head(crowd, score, everyone if expected else np.zeros_like(everyone))


FAST: tuple[Baseline, ...] = (
    Baseline("popularity", __name__, (), no_scorers),
    Baseline(
        "lift",
        __name__,
        grid(form=("log", "ratio"), smoothing=(1, 3, 10, 30, 100)),
        each(fit_lift),
    ),
    Baseline(
        "item-knn",
        __name__,
        grid(shrinkage=(0, 30, 150), neighbours=(50, 200, 0), levelling=(0, 0.5)),
        each(fit_item_knn),
    ),
    Baseline(
        "lmmse",
        __name__,
        grid(score=("expected", "departure"), **{"lambda": (0.1, 0.3, 1, 3, 10)}),
        each(fit_lmmse),
    ),
    Baseline(
        "ease",
        __name__,
        grid(**{"lambda": (30, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5)}),
        each(fit_ease),
    ),
)
