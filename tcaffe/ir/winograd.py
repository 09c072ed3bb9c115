"""The matrices of Winograd's minimal filtering (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks).

For a 1-D window g of r and a tile of m results: y = A^T [(G g) * (B^T d)], where d are the m + r - 1 operands.
B^T, G and A^T evaluate polynomials at 0, 1, -1, 2, -2 and infinity, at as many of these points as there are operands.
"""

from __future__ import annotations

Matrix = tuple[tuple[float, ...], ...]

FOUR_POINTS = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
SIX_POINTS = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)

TRANSFORMS: dict[tuple[int, int], tuple[Matrix, Matrix, Matrix]] = {
    (2, 3): (
        FOUR_POINTS,
        ((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
        ((1, 1, 1, 0), (0, 1, -1, -1)),
    ),
    (4, 3): (
        SIX_POINTS,
        (
            (1 / 4, 0, 0),
            (-1 / 6, -1 / 6, -1 / 6),
            (-1 / 6, 1 / 6, -1 / 6),
            (1 / 24, 1 / 12, 1 / 6),
            (1 / 24, -1 / 12, 1 / 6),
            (0, 0, 1),
        ),
        ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
    ),
    (2, 5): (
        SIX_POINTS,
        (
            (1 / 4, 0, 0, 0, 0),
            (-1 / 6, -1 / 6, -1 / 6, -1 / 6, -1 / 6),
            (-1 / 6, 1 / 6, -1 / 6, 1 / 6, -1 / 6),
            (1 / 24, 1 / 12, 1 / 6, 1 / 3, 2 / 3),
            (1 / 24, -1 / 12, 1 / 6, -1 / 3, 2 / 3),
            (0, 0, 0, 0, 1),
        ),
        ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 1)),
    ),
}
"""(B^T, G, A^T) by m, the results of a tile along one axis, and r, the size of the window."""
