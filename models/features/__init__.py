"""Columns of a table of users or items, or their properties as JSON, become features."""

from models.features.embedding import TextEmbedding, load_embedding
from models.features.encoder import MOST_FEATURES, Encoder, matching
from models.features.sparse import to_csr

__all__ = ["MOST_FEATURES", "Encoder", "TextEmbedding", "load_embedding", "matching", "to_csr"]
