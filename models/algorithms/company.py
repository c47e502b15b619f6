"""New items that somebody has met: they go over from what their content tells to their company.

The company of an item are the trained items that its first users know. With n of these users, a
part n / (n + d) of its vector and of its kin comes from company, the rest from its content; of the
place in lists the square of that, for a few users tell better whom it is for than how good it is:
see models.algorithms.newcomer. Live popularity is counted elsewhere.

Slow weights (width d), which versions trained before there were any lack: company_map [d, d],
company_mean [d] and company_base [d] (mean vector of the company -> the item's vector),
company_doubt [] (users by whom half of it is company), and by shots company_weight [51] and
company_shift [51], which are to company what content_weight and content_shift are to content.
"""

import torch
from torch import Tensor
from torch.nn.functional import embedding

from models.algorithms.interface import Slow
from models.shapes import Company, Kin

PLACING = ("company_weight", "company_shift")
TENSORS = frozenset({*PLACING, *(f"company_{part}" for part in ("map", "mean", "base", "doubt"))})
RARITY = 0.25
"""The power of its rate by which a popular item counts less as kin."""


def is_learned(slow: Slow) -> bool:
    return slow.keys() >= TENSORS


def moved(slow: Slow, company: Company) -> Tensor:
    """[M] how far items have gone over to their company: 0 where there is none."""
    users = company.users.to(slow["company_doubt"])
    return users / (users + slow["company_doubt"]) * (company.shares.sum(1) > 0)


def vectors(slow: Slow, of_content: Tensor, company: Company) -> Tensor:
    """[M, d] item vectors: between `of_content` [M, d] and what their company foretells."""
    shares = company.shares.to(of_content).unsqueeze(1)
    near = (shares @ embedding(company.items, slow["item_vectors"]).to(of_content)).squeeze(1)
    foretold = (near - slow["company_mean"]) @ slow["company_map"] + slow["company_base"]
    return torch.lerp(of_content, foretold, moved(slow, company).unsqueeze(1))


def kin(slow: Slow, of_content: Kin, company: Company) -> Kin:
    """As many as `of_content` names, the largest of both; an item may occur twice."""
    rates = embedding(company.items, slow["popularity"].unsqueeze(1)).squeeze(-1).exp()
    likeness = company.shares.to(of_content.shares) * rates.to(of_content.shares) ** -RARITY
    width = of_content.shares.shape[1]
    near = likeness.topk(min(width, likeness.shape[1]), dim=1)
    part = moved(slow, company).unsqueeze(1)
    shares = torch.cat([(1 - part) * of_content.shares, part * _shared(near.values)], dim=1)
    largest = shares.topk(width, dim=1)
    items = torch.cat([of_content.items, company.items.gather(1, near.indices)], dim=1)
    return Kin(
        items.gather(1, largest.indices),
        _shared(largest.values) * shares.sum(1, keepdim=True),
    )


def _shared(values: Tensor) -> Tensor:
    """[M, J] their shares of the sum of a row."""
    total = values.sum(1, keepdim=True)
    return values / torch.where(total > 0, total, 1)
