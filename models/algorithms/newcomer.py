"""Items that training never saw: a row and kin among trained items, from what is known of them.

Slow weights (V features of items, N trained items, width d): content_scale [V] and content_power []
(how much a feature counts), content_map [V, d + 1] and content_base [d + 1] (features -> an item
vector and the log of a rate, and what they are on average), content_columns [N, J] int32 and
content_values [N, J] (the weighed features of trained items), content_chances [] (chances to be met
that the expected rate counts for), and by shots content_weight [51] and content_shift [51] (what
the recollection of kin counts for, and what an item scores that has kin at all).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.algorithms import company as by_company
from models.algorithms.interface import Slow
from models.algorithms.likeness import weighed
from models.algorithms.postings import Postings
from models.algorithms.recall import at_shots, weighted_rows
from models.shapes import MOST_SHOTS, Company, Features, Kin, Personal

CHANCES = 10.0
"""What an expected rate counts for where nobody has measured how far to trust it."""

PLACING = ("content_weight", "content_shift")
SHARED = frozenset(
    {*PLACING, *(f"content_{part}" for part in ("scale", "power", "map", "base", "chances"))}
)
PER_ITEM = frozenset({"content_columns", "content_values"})


def untaught(vectors: Tensor, popularity: Tensor) -> dict[str, Tensor]:
    """Slow weights for which no feature counts: new items are as popular as items are on average.

    Of trained items' vectors [N, d] and log popularity [N].
    """
    items, width = vectors.shape
    rate = popularity.exp().mean().log()
    return {
        "content_scale": torch.zeros(0),
        "content_power": torch.tensor(1.0),
        "content_map": torch.zeros(0, width + 1),
        "content_base": torch.cat([torch.zeros(width), rate.reshape(1)]),
        "content_columns": torch.zeros(items, 1, dtype=torch.int32),
        "content_values": torch.zeros(items, 1),
        "content_chances": torch.tensor(CHANCES),
        "content_weight": torch.zeros(MOST_SHOTS + 1),
        "content_shift": torch.zeros(MOST_SHOTS + 1),
    }


def expected(slow: Slow, content: Features, company: Company | None) -> tuple[Tensor, Tensor]:
    """([M, d] item vectors, [M, 1] log rates) of items that training never saw."""
    told = _told(slow, content)
    foretold = weighted_rows(told, slow["content_map"]) + slow["content_base"]
    vectors, rates = foretold[:, :-1], foretold[:, -1:]
    if company is not None and by_company.is_learned(slow):
        vectors = by_company.vectors(slow, vectors, company)
    return vectors, rates


def postings(slow: Slow) -> Postings:
    """Of trained items; made once for a version of the slow weights."""
    features = len(slow["content_scale"])
    return Postings.of(slow["content_columns"], slow["content_values"], features)


def kin(slow: Slow, content: Features, company: Company | None, posted: Postings | None) -> Kin:
    """The trained items of largest cosine, by their shares of its sum; and those of its company."""
    alike = (posted or postings(slow)).alike(_told(slow, content))
    if company is None or not by_company.is_learned(slow):
        return alike
    return by_company.kin(slow, alike, company)


def recollect(
    slow: Slow, personal: Personal, of_kin: Tensor, known: Tensor, moved: Tensor | None
) -> Tensor:
    """[B, M] what newer items score beside their rows: see `Algorithm.recollect_newer`."""
    by_content = _placed(slow, PLACING, personal, of_kin, known)
    if moved is None or not by_company.is_learned(slow):
        return by_content
    told = _placed(slow, by_company.PLACING, personal, of_kin, known)
    return torch.lerp(by_content, told, moved.square().to(of_kin).expand_as(of_kin))


def _placed(
    slow: Slow, placing: Sequence[str], personal: Personal, of_kin: Tensor, known: Tensor
) -> Tensor:
    weight, shift = (
        at_shots(slow, table, personal.shots).unsqueeze(-1).to(of_kin) for table in placing
    )
    return weight * of_kin + personal.gate.unsqueeze(-1).to(of_kin) * shift * known.to(of_kin)


def _told(slow: Slow, content: Features) -> Features:
    """The features as they count: not at all where training was taught nothing of them."""
    if not len(slow["content_scale"]):
        return Features(content.columns[:, :0], content.values[:, :0].to(slow["content_map"]))
    return weighed(content, slow["content_scale"], slow["content_power"])
