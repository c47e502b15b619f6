"""Where training starts."""

import torch
from scipy.sparse import csr_array

from models.algorithms.ranking_start import item_vectors, log_popularity
from tests.models.generated_data import generated_interactions


def test_vectors_are_the_best_approximation_of_the_correlations() -> None:
    """Inner products are the damped correlations without their smallest directions."""
    interactions = generated_interactions()
    vectors = item_vectors(interactions, 12, seed=0).double()
    dense = torch.from_numpy(interactions.toarray())
    mean = dense.mean(0)
    scaled = (dense - mean) / (mean * (1 - mean) + 0.02).sqrt()
    sizes, directions = torch.linalg.eigh(scaled.T @ scaled / len(dense))
    best = directions[:, -12:] * sizes[-12:] @ directions[:, -12:].T
    torch.testing.assert_close(vectors @ vectors.T, best, rtol=1e-4, atol=1e-5)


def test_narrow_data_gets_no_more_directions_than_it_has() -> None:
    few: csr_array = csr_array(torch.eye(4, 6).numpy().astype(float))
    vectors = item_vectors(few, 8, seed=0)
    assert vectors.shape == (6, 8)
    assert vectors.isfinite().all()


def test_popularity_is_the_smoothed_rate_and_finite_for_the_unseen() -> None:
    met: csr_array = csr_array(torch.tensor([[1.0, 0, 0], [1.0, 1, 0]]).numpy())
    torch.testing.assert_close(log_popularity(met).exp(), torch.tensor([3 / 4, 2 / 4, 1 / 4]))
