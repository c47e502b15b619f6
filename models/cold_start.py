"""Meta-weights for a service that has not opened yet: a catalogue and no interaction at all.

Items that are alike by what is known of them bring each other to mind. All are equally popular
until live events say more. How far to trust this after so many shots is written in models.transfer.
"""

from dataclasses import asdict
from hashlib import blake2b
from math import log
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from models import algorithms, weights
from models.algorithms.interface import Slow
from models.algorithms.likeness import weighed
from models.algorithms.memory import Rows, nearest
from models.catalogue import Catalogue
from models.config import TrainConfig
from models.content import bearers, content_map, content_of, content_vectors, feature_scale
from models.encoders import Encoders
from models.features import Encoder, matching
from models.shapes import Features
from models.smoke import smoke
from models.transfer import Experience, nothing
from models.weights import Facts, Manifest, MetaWeights

EVENTS_OF_A_USER = 20.0
"""Expected of everybody who will come: how popular all items are together."""
DIMENSION = 64
SAME_WEIGHT = 0.3
"""Of items that are known by the same as a person. On tripadvisor-hotels, where both have a state,
1 would be best for training users by then; this much already gives them two fifths more."""


def start(catalogue: Catalogue, out: Path, inherited: MetaWeights | None = None) -> Manifest:
    """Make meta-weights of what is known of the items and save them under `out`.

    What people say of themselves counts where it says the same as something known of an item.

    Args:
        catalogue: the items, and people if something is known of them.
        out: a folder of meta-weights.
        inherited: meta-weights of another domain, whose inner loop is taken over.
    """
    config = TrainConfig()
    algorithm = algorithms.trainable(config.algorithm, config.ranker)
    encoders = Encoders(_encoder(catalogue.users), Encoder.fit(catalogue.items, "item_id"))
    ids = catalogue.item_ids
    contents = encoders.items.encode_table(catalogue.items, "item_id", ids)
    content = content_of(encoders.items, contents)
    rate = min(0.5, EVENTS_OF_A_USER / len(ids))
    same = _same(encoders)
    vectors = content_vectors(content, DIMENSION, config.seed)
    popularity = torch.full((len(ids),), log(rate))
    slow = algorithm.assembled(vectors, popularity, _memories(content, same), config.seed)
    if encoders.items.size:
        slow |= _for_newcomers(encoders, contents, content, slow)
    experience = Experience.of(inherited, algorithm)
    slow |= experience.rules_for(slow) | experience.tables_for(0)
    if (same >= 0).any():
        slow["gate"][0] = 1.0
        slow["profile_weight"][:] = SAME_WEIGHT
    return weights.save(
        out,
        slow,
        ids,
        Facts(
            algorithm=algorithm.name,
            retrieval=algorithm.retrieval,
            steps=config.ranker.steps,
            split={"seed": config.seed, "fold": 0, "train": 0, "validation": 0, "test": 0},
            data={
                "name": catalogue.name,
                "fingerprint": _fingerprint(catalogue.items),
                "users": 0,
                "items": len(ids),
                "interactions": 0,
            },
            config=asdict(config),
            metrics={},
            gate=tuple(slow["gate"].tolist()),
            features=encoders.to_json(),
            transferred_from=experience.version,
            smoke=smoke(algorithm, slow),
        ),
    )


def _encoder(users: pl.DataFrame | None) -> Encoder:
    return Encoder() if users is None else Encoder.fit(users, "user_id")


def _same(encoders: Encoders) -> NDArray[np.int64]:
    """[V of users] the feature of items that says the same, or -1."""
    return matching(encoders.users, encoders.items)


def _for_newcomers(
    encoders: Encoders, contents: Features, content: csr_array, slow: Slow
) -> dict[str, Tensor]:
    """What gives items that come later a row and kin: see models.algorithms.newcomer."""
    scale = torch.from_numpy(feature_scale(encoders.items, contents)).float()
    told = weighed(contents, scale, slow["content_power"])
    table, offset = content_map(content, slow["item_vectors"])
    return {
        "content_scale": scale,
        "content_columns": told.columns.int(),
        "content_values": told.values,
        "content_map": torch.cat([table, torch.zeros(len(table), 1)], dim=1),
        "content_base": torch.cat([offset, slow["content_base"][-1:]]),
        "content_weight": torch.ones_like(slow["content_weight"]),
    }


def _memories(content: csr_array, same: NDArray[np.int64]) -> dict[str, Rows]:
    """Alike items for the cosine, items of the same feature for the profile, else nothing."""
    items = content.shape[0]
    return {
        "cosine": nearest(csr_array(content.T), shrinkage=0),
        "shrunk": nothing(items),
        "regression": nothing(items),
        "profile": bearers(content, same),
    }


def _fingerprint(items: pl.DataFrame) -> str:
    digest = blake2b(digest_size=16)
    for item in items.iter_rows():
        digest.update(repr(item).encode())
    return digest.hexdigest()
