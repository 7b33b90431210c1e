"""Which kernels go through the steps of a cell: a choice by shape, made here alone."""

from tsrnn.kernels.cuda.tilings import TILES, TYPES, Tile, kind_of

# Units above which each step is a launch of its own, whose blocks share out rows and units: the recurrent weights of
# more do not fit beside one multiprocessor's arithmetic. Below, a block goes through all the steps of its sequences.
WIDE = 128
ENOUGH = 96  # blocks of a step: fewer leave multiprocessors idle at every step

# Tiles of a step by kind of arithmetic and by the gates that lie side by side in them, large to small; a backward step
# has one. Those of three gates are 64 x (3 x 16) and 32 x (3 x 8).
_THREE = {
    "float32": (
        Tile(down=8, across=4, rows=8, columns=12, groups=8, depth=4),
        Tile(down=8, across=2, rows=4, columns=12, groups=8, depth=4),
    ),
    "float64": (
        Tile(down=8, across=12, rows=8, columns=4, groups=2, depth=8),
        Tile(down=4, across=6, rows=8, columns=4, groups=8, depth=2),
    ),
} | {
    kind: (
        Tile(down=2, across=1, rows=32, columns=48, groups=4, depth=8, parts=parts),
        Tile(down=1, across=1, rows=32, columns=24, groups=8, depth=8, parts=parts),
    )
    for kind, parts in (("tf32", 1), ("split", 2))
}
STEP_TILES = {kind: {1: tiles[1:], 3: _THREE[kind], 4: tiles[1:]} for kind, tiles in TILES.items()}


def by_steps(size: int) -> bool:
    """Whether each step of so many units is a launch of its own."""
    return size > WIDE


def step_tile(gates: int, rows: int, size: int, kind: str) -> Tile:
    """The largest tile of which the rows and the gates of a step have enough, or the smallest.

    Parameters
    ----------
    gates : int
        That lie side by side in a tile.
    rows, size : int
    kind : str
        A key of `STEP_TILES`.
    """
    tiles = STEP_TILES[kind][gates]
    return next((tile for tile in tiles if _blocks(tile, gates, rows, size) >= ENOUGH), tiles[-1])


def each_step(made, gates: int, out):
    """The kernel of a step, and how many blocks of how many threads it takes.

    Parameters
    ----------
    made : callable(tile, dtype name)
        Makes the kernel.
    gates : int
        That lie side by side in a tile.
    out : (..., B, H) Array
        Of the shape, type and precision of what it writes.
    """
    kind, (rows, size) = kind_of(out), out.shape[-2:]
    tile = step_tile(gates, rows, size, kind)
    return made(tile, TYPES[kind]), _blocks(tile, gates, rows, size), tile.threads


def _blocks(tile: Tile, gates: int, rows: int, size: int) -> int:
    return -(-rows // tile.height) * -(-size // (tile.width // gates))
