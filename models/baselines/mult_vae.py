"""Mult-VAE (Liang et al. 2018), trained on supports of every size."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from models.baselines.baseline import Baseline, Setting, grid
from models.baselines.crowd import Crowd, Floats, Scorer
from models.baselines.head import on_head
from models.baselines.stepwise import draw_histories, draw_shots, initialise, padded, stepwise

HIDDEN, LATENT = 256, 64
USERS = 128
"""Per step."""
RATE = 3e-3
WARM_UP = 500
"""Steps until the divergence has its full weight."""


class MultVAE(nn.Module):
    """Item sets to a gaussian over latent codes, and codes to logits of all items."""

    def __init__(self, items: int, generator: torch.Generator) -> None:
        super().__init__()
        self.enter = nn.Embedding(items, HIDDEN)
        self.enter_bias = nn.Parameter(torch.zeros(HIDDEN))
        self.encode = nn.Linear(HIDDEN, 2 * LATENT)
        self.decode = nn.Linear(LATENT, HIDDEN)
        self.leave = nn.Linear(HIDDEN, items)
        initialise(self, generator)

    def forward(
        self, places: Tensor, known: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Logits [B, H] and divergence [B] of sets `places` [B, K] where `known` [B, K] bool.

        The set is a vector of length 1; the code is drawn by `generator`, or the mean without one.
        """
        size = known.sum(1, keepdim=True).clamp_min(1)
        entered = (self.enter(places) * known.unsqueeze(-1)).sum(1) / size.sqrt()
        mean, log_variance = self.encode((entered + self.enter_bias).tanh()).chunk(2, dim=-1)
        code = mean
        if generator is not None:
            code = mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=generator)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return self.leave(self.decode(code).tanh()), divergence


class _Learner:
    def __init__(self, crowd: Crowd, setting: Setting) -> None:
        self._crowd, self._beta = crowd, float(setting["beta"])
        self._net = MultVAE(len(crowd.head), torch.Generator().manual_seed(0))
        self._optimiser = torch.optim.Adam(self._net.parameters(), lr=RATE)

    def step(self, number: int) -> None:
        random = np.random.default_rng((1, number))
        histories = draw_histories(self._crowd, random, USERS)
        shots = draw_shots(random, np.array([len(one) // 2 for one in histories]))
        places, known = padded([one[:k] for one, k in zip(histories, shots, strict=True)])
        hidden = torch.zeros(USERS, len(self._crowd.head), dtype=torch.bool)
        wanted = torch.zeros(hidden.shape)
        for row, (history, k) in enumerate(zip(histories, shots, strict=True)):
            hidden[row, history[:k]] = True
            wanted[row, history[k:]] = 1
        logits, divergence = self._net(places, known, torch.Generator().manual_seed(number))
        chances = log_softmax(logits.masked_fill(hidden, -torch.inf), dim=1)
        likelihood = (chances.masked_fill(hidden, 0) * wanted).sum(1)
        beta = self._beta * min(1.0, number / WARM_UP)
        self._optimiser.zero_grad()
        torch.autograd.backward((beta * divergence - likelihood).mean())
        self._optimiser.step()

    def scorer(self) -> Scorer:
        @torch.no_grad()
        def score(rows: NDArray[np.int64], known: NDArray[np.bool_]) -> Floats:
            logits, _ = self._net(torch.from_numpy(rows), torch.from_numpy(known), None)
            above: Floats = (logits - logits.amin(1, keepdim=True)).numpy()
            return above

        return on_head(self._crowd, score, np.zeros(self._crowd.items, np.float32))


MULT_VAE = Baseline(
    "mult-vae",
    __name__,
    grid(beta=(0.05, 0.2), steps=(500, 1000, 2000, 4000)),
    stepwise(_Learner),
    effort=60.0,
)
