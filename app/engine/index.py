"""The rows of a large catalogue by cells, so that a search looks only where it may find something.

An inverted file (Jegou, Douze & Schmid 2011, "Product Quantization for Nearest Neighbor Search")
with whole vectors: rows lie with the nearest of many centres, and a search by inner product goes
through the cells whose centres promise most. Built on faiss: see docs/adr/0013.
"""

from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from app.engine import bits
from app.engine.bits import Bits
from app.engine.port import Ints
from app.engine.shared import alone, written

Floats = NDArray[np.float32]

CELLS_BY_ROOT = 6
"""Cells for each of the root of the rows."""
POINTS_BY_CELL = 25
"""Rows that a centre is made from."""
ROUNDS = 6
"""Of k-means: more of them find no more."""
LEAST_PROBES = 192
PROBED = 1 / 20
"""Of all cells, so many are gone through: measured, they hold 99% of the best 132."""
WIDENING = 0.15
"""A filter that leaves a share s of the rows asks for s ** -WIDENING times as many cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Searches the best of N rows by their inner product with a vector."""

    cells: faiss.IndexIVFFlat

    @classmethod
    def build(cls, rows: Floats) -> "Index":
        """Of rows [N, D]. The same rows give the same index.

        Cells hold what is near to each other, and are searched by what their centres score. Faiss
        alone would take the inner product for both and centres of length 1, and find little.
        """
        size, width = rows.shape
        count = max(1, min(int(CELLS_BY_ROOT * size**0.5), size))
        centres = _centres(rows, count)
        nearest, best = faiss.IndexFlatL2(width), faiss.IndexFlatIP(width)
        nearest.add(centres)
        best.add(centres)
        cells = faiss.IndexIVFFlat(nearest, width, count, faiss.METRIC_INNER_PRODUCT)
        cells.is_trained = True
        cells.add(rows)
        cells.quantizer = best
        return cls(_narrowed(faiss.deserialize_index(faiss.serialize_index(cells))))

    @classmethod
    def shared(cls, path: Path, rows: Floats) -> "Index":
        """The index of these rows, mapped from the file at `path`, where it is made if missing."""
        with alone(path.parent):
            found = cls._mapped(path, rows)
            if found is None:
                with written(path) as aside:
                    faiss.write_index(cls.build(rows).cells, str(aside))
                found = cls._mapped(path, rows)
        assert found is not None, f"{path} was changed by others"
        return found

    @classmethod
    def _mapped(cls, path: Path, rows: Floats) -> "Index | None":
        if not path.exists():
            return None
        try:
            cells = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError:
            return None
        if isinstance(cells, faiss.IndexIVFFlat) and (cells.ntotal, cells.d) == rows.shape:
            return cls(cells)
        return None

    def search(self, query: Floats, wanted: int, among: Bits) -> Ints:
        """At most `wanted` of the rows that `among` [N] allows, best first by `query` [D]."""
        share = max(1, bits.count(among)) / self.cells.ntotal
        probes = max(LEAST_PROBES, self.cells.nlist * PROBED) * share**-WIDENING
        chosen = faiss.IDSelectorBitmap(self.cells.ntotal, faiss.swig_ptr(among))
        how = faiss.SearchParametersIVF()
        how.nprobe, how.sel = min(int(probes), self.cells.nlist), chosen
        _, found = self.cells.search(query[np.newaxis], wanted, params=how)
        rows: Ints = found[0]
        return rows[rows >= 0]


def _centres(rows: Floats, count: int) -> Floats:
    """[C, D] by k-means."""
    means = faiss.Kmeans(
        rows.shape[1],
        count,
        niter=ROUNDS,
        seed=1,
        min_points_per_centroid=1,
        max_points_per_centroid=POINTS_BY_CELL,
    )
    means.train(rows)
    assert means.centroids is not None
    return means.centroids


def _narrowed(index: faiss.Index) -> faiss.IndexIVFFlat:
    assert isinstance(index, faiss.IndexIVFFlat)
    return index
