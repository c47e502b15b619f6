"""SASRec (Kang and McAuley 2018) with cross-entropy over all items (Klenitskiy, Vasilev 2023)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from models.baselines.baseline import Baseline, Setting, grid
from models.baselines.crowd import Crowd, Floats, Scorer
from models.baselines.head import on_head
from models.baselines.stepwise import (
    MOST_SHOTS,
    draw_histories,
    draw_shots,
    dropout,
    initialise,
    padded,
    stepwise,
)

WIDTH, HEADS, BLOCKS = 64, 2, 2
USERS = 64
"""Per step."""
ASKED = 16
"""Places of a sequence that are asked for their next item in one step."""
RATE = 3e-3


class Block(nn.Module):
    """Attention to what came before, then two linear maps; each added to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention, self.before_maps = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attend = nn.Linear(WIDTH, 3 * WIDTH)
        self.gather = nn.Linear(WIDTH, WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, states: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
        entities, length, _ = states.shape
        mixed = self.attend(self.before_attention(states))
        query, key, value = mixed.view(entities, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value, is_causal=True)
        seen = self.gather(seen.transpose(1, 2).flatten(2))
        states = states + dropout(seen, rate, generator)
        moved = self.narrow(self.widen(self.before_maps(states)).relu())
        return states + dropout(moved, rate, generator)


class SASRec(nn.Module):
    """Sequences of items to what comes next. One more item stands for all beyond the head."""

    def __init__(self, items: int, generator: torch.Generator) -> None:
        super().__init__()
        self.item = nn.Embedding(items + 1, WIDTH)
        self.place = nn.Embedding(MOST_SHOTS, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.after = nn.LayerNorm(WIDTH)
        initialise(self, generator)

    def forward(
        self, items: Tensor, rate: float = 0.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """[B, K, WIDTH] what is known after each item of `items` [B, K]."""
        states = self.item(items) * WIDTH**0.5 + self.place.weight[: items.shape[1]]
        states = dropout(states, rate, generator)
        for block in self.blocks:
            states = block(states, rate, generator)
        known: Tensor = self.after(states)
        return known

    def logits(self, states: Tensor) -> Tensor:
        """[..., H] of the head's items."""
        return states @ self.item.weight[:-1].T


class _Learner:
    def __init__(self, crowd: Crowd, setting: Setting) -> None:
        self._crowd, self._dropout = crowd, float(setting["dropout"])
        self._net = SASRec(len(crowd.head), torch.Generator().manual_seed(0))
        self._optimiser = torch.optim.Adam(self._net.parameters(), lr=RATE, betas=(0.9, 0.98))

    def step(self, number: int) -> None:
        random = np.random.default_rng((2, number))
        histories = draw_histories(self._crowd, random, USERS)
        items, known = padded([history[: MOST_SHOTS + 1] for history in histories])
        last = known.sum(1).numpy() - 1
        asked = draw_shots(random, np.repeat(last[:, None], ASKED, axis=1))
        rows, places = torch.arange(USERS)[:, None], torch.from_numpy(asked)
        states = self._net(items[:, :-1], self._dropout, torch.Generator().manual_seed(number))
        logits = self._net.logits(states[rows, places - 1])
        self._optimiser.zero_grad()
        torch.autograd.backward(cross_entropy(logits.flatten(0, 1), items[rows, places].flatten()))
        self._optimiser.step()

    def scorer(self) -> Scorer:
        beyond = len(self._crowd.head)

        @torch.no_grad()
        def score(rows: NDArray[np.int64], known: NDArray[np.bool_]) -> Floats:
            items = np.where(known, rows, beyond)[:, -MOST_SHOTS:]
            logits = self._net.logits(self._net(torch.from_numpy(items))[:, -1])
            above: Floats = (logits - logits.amin(1, keepdim=True)).numpy()
            return above

        return on_head(self._crowd, score, np.zeros(self._crowd.items, np.float32))


SASREC = Baseline(
    "sasrec",
    __name__,
    grid(dropout=(0.2,), steps=(500, 1000, 2000, 4000)),
    stepwise(_Learner),
    effort=100.0,
)
