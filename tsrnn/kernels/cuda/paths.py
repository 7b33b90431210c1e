"""Which kernels go through the steps of a cell: a choice by shape, made here alone."""

import numpy as np

from tsrnn.kernels.cuda.products import TILES, Tile

# Units above which each step is a launch of its own, whose blocks share out rows and units: the recurrent weights of
# more do not fit beside one multiprocessor's arithmetic. Below, a block goes through all the steps of its sequences.
WIDE = 128
ENOUGH = 96  # blocks of a step: fewer leave multiprocessors idle at every step

# Tiles of a step by type and by the gates that lie side by side in them, large to small; a backward step has one.
STEP_TILES = {
    "float32": {
        1: TILES["float32"][1:],
        3: (
            Tile(down=8, across=4, rows=8, columns=12, groups=8, depth=4),  # 64 x (3 x 16)
            Tile(down=8, across=2, rows=4, columns=12, groups=8, depth=4),  # 32 x (3 x 8)
        ),
        4: TILES["float32"][1:],
    },
    "float64": {
        1: TILES["float64"][1:],
        3: (
            Tile(down=8, across=12, rows=8, columns=4, groups=2, depth=8),  # 64 x (3 x 16)
            Tile(down=4, across=6, rows=8, columns=4, groups=8, depth=2),  # 32 x (3 x 8)
        ),
        4: TILES["float64"][1:],
    },
}


def by_steps(size: int) -> bool:
    """Whether each step of so many units is a launch of its own."""
    return size > WIDE


def step_tile(gates: int, rows: int, size: int, dtype: np.dtype) -> Tile:
    """The largest tile of which the rows and the gates of a step have enough, or the smallest.

    Parameters
    ----------
    gates : int
        That lie side by side in a tile.
    rows, size : int
    dtype : dtype
    """
    tiles = STEP_TILES[dtype.name][gates]
    return next((tile for tile in tiles if _blocks(tile, gates, rows, size) >= ENOUGH), tiles[-1])


def each_step(made, gates: int, rows: int, size: int, dtype: np.dtype):
    """The kernel of a step for a shape, and how many blocks of how many threads it takes.

    Parameters
    ----------
    made : callable(tile, dtype name)
        Makes the kernel.
    gates, rows, size, dtype
        As `step_tile` takes them.
    """
    tile = step_tile(gates, rows, size, dtype)
    return made(tile, dtype.name), _blocks(tile, gates, rows, size), tile.threads


def _blocks(tile: Tile, gates: int, rows: int, size: int) -> int:
    return -(-rows // tile.height) * -(-size // (tile.width // gates))
