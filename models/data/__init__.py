"""Read a folder of interactions, split its users, put each user's history in order."""

from models.data.dataset import Dataset, ReadReport
from models.data.reading import read
from models.data.splitting import FOLDS, Histories, Order, Split, histories, split
from models.data.tables import ID_BYTES

__all__ = [
    "FOLDS",
    "ID_BYTES",
    "Dataset",
    "Histories",
    "Order",
    "ReadReport",
    "Split",
    "histories",
    "read",
    "split",
]
