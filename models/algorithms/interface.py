"""The one interface of all algorithms: prior, adapt, score, outer loss.

Slow weights are shared by everybody and come out of meta-training. Fast weights belong to one
entity and come out of the inner loop: one flat row of F numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from scipy.sparse import csr_array
from torch import Generator, Tensor

from models.algorithms.memory import Rows
from models.algorithms.postings import Postings
from models.shapes import (
    Company,
    Episode,
    Features,
    Kin,
    Parts,
    Personal,
    Recollection,
    Support,
)

Slow: TypeAlias = Mapping[str, Tensor]
Retrieval: TypeAlias = Literal["dot", "multi_vector", "rescore"]


class Algorithm(Protocol):
    """Pure functions of their arguments; safe to call from any thread, never keep state."""

    @property
    def name(self) -> str: ...

    @property
    def retrieval(self) -> Retrieval:
        """How `score` can be searched: one dot product, several, or only by computing it."""

    @property
    def tensors(self) -> frozenset[str]:
        """The names of all slow tensors."""

    @property
    def per_item(self) -> frozenset[str]:
        """Slow tensors with a row for each item; the only ones that grow with the catalogue."""

    def prior(self, slow: Slow, profile: Features) -> Tensor:
        """[B, F] fast weights of somebody of whom nothing is known but the profile."""

    def adapt(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        """[B, F] fast weights after the inner loop; an empty support gives `prior` exactly.

        Computed in the dtype of the slow weights other than the item matrix, so that serving can
        adapt in double precision while it keeps a single-precision matrix.
        """

    def item_rows(self, slow: Slow) -> Tensor:
        """[N, D] what scoring needs of each item."""

    def content_rows(self, slow: Slow, content: Features, company: Company | None = None) -> Tensor:
        """[B, D] the rows of items that training never saw, from what is known of them.

        Where `company` is told and the slow weights have learned of it, from that as well.
        """

    def postings(self, slow: Slow) -> Postings:
        """What `kin` looks trained items up in."""

    def kin(
        self,
        slow: Slow,
        content: Features,
        company: Company | None = None,
        posted: Postings | None = None,
    ) -> Kin:
        """The trained items that such items are most like; faster with their postings at hand."""

    def recollect_newer(
        self, slow: Slow, personal: Personal, of_kin: Tensor, known: Tensor, moved: Tensor | None
    ) -> Tensor:
        """[B, M] to be added to the scores of M items that training never saw, by their kin.

        `of_kin` [B, M] is what was recalled of them; `known` [M] is 0 where there are none, else 1;
        `moved` [M] how far they have gone over to their company, None for not at all.
        """

    def popularity_shift(
        self, slow: Slow, rows: Tensor, events: Tensor, events_of_all: Tensor
    ) -> Tensor:
        """[B] what live events add to everybody's scores of the items of `rows` [B, D].

        `events` [B] were on the item, of `events_of_all` [B] on any since it could be met.
        """

    def gate(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        """[B] how far the answer departs from popularity: 0 is popularity, 1 all the way.

        By the number of shots, and by how well what is adapted to one part of the support foretells
        the other.
        """

    def score(self, slow: Slow, personal: Personal, rows: Tensor) -> Tensor:
        """[B, M] scores of `rows`, which are [M, D] for everybody or [B, M, D] for each.

        What `recollect` says is to be added.
        """

    def recollect(
        self, slow: Slow, personal: Personal, support: Support, profile: Features
    ) -> Recollection:
        """What support and profile bring to mind, to be added to the scores; J may be 0."""

    def outer_loss(self, slow: Slow, episode: Episode, generator: Generator | None) -> Tensor:
        """Scalar meta-training loss. `generator` drives dropout; None switches dropout off."""


class Trainable(Algorithm, Protocol):
    """What meta-training asks for beyond serving."""

    def initial(self, interactions: csr_array, profiles: csr_array, seed: int) -> dict[str, Tensor]:
        """Every slow weight before training.

        From the training users' interactions [U, N] and features [U, V] (V may be 0).
        """

    def assembled(
        self, vectors: Tensor, popularity: Tensor, memories: Mapping[str, Rows], seed: int
    ) -> dict[str, Tensor]:
        """Every slow weight before training, around vectors [N, d] and log popularity [N]."""

    def rates(self) -> Mapping[str, float]:
        """The slow weights that the outer loop learns, with their learning rates."""

    @property
    def portable(self) -> frozenset[str]:
        """The slow weights of the inner loop that mean the same over any catalogue.

        Their last dimension, if it is that of item vectors, goes with the vectors' own order.
        """

    def blended(self) -> Sequence[str]:
        """The tables by shots, besides gate and caution, that validation fills after training."""

    def evidence(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        """[B] how much better than popularity a support foretells itself, in nats."""

    def parts(
        self, slow: Slow, personal: Personal, support: Support, profile: Features, rows: Tensor
    ) -> Parts:
        """What `score` and `recollect` are made of, before the tables weigh it.

        score = (1 - gate) popularity + gate (biases + sum over tables of table * departure).
        """

    def departure(self, slow: Slow, fast: Tensor, bodies: Tensor) -> Tensor:
        """[B, M] how `fast` rates items, less biases; `bodies`: item rows less two columns."""

    def redraw(self, slow: Slow, generator: Generator) -> dict[str, Tensor]:
        """The slow weights with whatever adaptation samples from the catalogue drawn anew."""
