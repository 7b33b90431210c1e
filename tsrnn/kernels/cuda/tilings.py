"""How blocks share out the tiles of matrix products, and which tile a product takes, by shape, precision and device."""

from typing import NamedTuple

import numpy as np

from tsrnn.kernels.cuda.families import TF32_FROM, capability
from tsrnn.kernels.cuda.machine.instructions import WARP


class Tile(NamedTuple):
    """How a block shares out its tile of a product.

    Its threads are a multiple of its rows, of its columns and of `RUN`, where what is made of it asks for that.

    Attributes
    ----------
    down, across : int
        Threads of a group, along the rows and along the columns of the tile; on tensor cores warps.
    rows, columns : int
        Of the tile that one of them keeps in registers; multiples of 4, on tensor cores of 16 and of 8.
    groups : int
        Of threads; a power of two.
    depth : int
        Numbers k of a stage that each group takes; even, on tensor cores a multiple of 8.
    parts : int
        0 where tensor cores are not asked; 1 for numbers rounded to tf32, 2 for numbers in two parts.
    resident : int
        Blocks that are to fit on a multiprocessor at once: their registers are cut to that.
    """

    down: int
    across: int
    rows: int
    columns: int
    groups: int
    depth: int
    parts: int = 0
    resident: int = 1

    height = property(lambda self: self.down * self.rows)
    width = property(lambda self: self.across * self.columns)
    threads = property(lambda self: self.groups * self.down * self.across * (WARP if self.parts else 1))

    @property
    def bounds(self) -> tuple[int, int]:
        """Threads of a block, and blocks that are to fit on a multiprocessor."""
        return self.threads, self.resident

    @property
    def name(self) -> str:
        """It as part of a kernel's name."""
        return "x".join(map(str, (self.height, self.width, *self[2:7])))

    def blocks(self, rows: int, columns: int) -> int:
        """Tiles that cover a matrix, a block for each."""
        return -(-rows // self.height) * -(-columns // self.width)

    def sizes(self) -> tuple[int, int]:
        """Numbers in the shared memory of a block and in the registers of a thread."""
        depth = self.groups * self.depth
        stages = 2 * depth * (self.height + PAD + self.width + PAD)
        sums = max(self.groups // 2, 1) * self.height * self.width
        staged = sum(-(-size * depth // self.threads) for size in (self.height, self.width))
        if self.parts:
            held = self.rows * self.columns // WARP + self.parts * (self.rows // 4 + self.columns // 4)
        else:
            held = self.rows * self.columns + self.rows + self.columns
        return max(stages, sums, self.threads), held + staged + 1


PAD = 8  # numbers after each row of a stage: what threads read or write at once lies in different banks

_NARROW = Tile(down=16, across=2, rows=8, columns=8, groups=8, depth=4)  # 128 x 16
# By kind of arithmetic: for few columns, then from large to small. What a block of them takes is seen by the check of
# the machine code; of float32 all have tiles of 8 x 8 in a thread, at which arithmetic takes as long as reading what
# it needs from shared memory.
TILES = {
    "float32": (
        _NARROW,
        Tile(down=16, across=8, rows=8, columns=8, groups=2, depth=8, resident=2),  # 128 x 64
        Tile(down=8, across=8, rows=8, columns=8, groups=4, depth=8),  # 64 x 64
        Tile(down=4, across=4, rows=8, columns=8, groups=16, depth=4),  # 32 x 32
    ),
    "float64": (
        Tile(down=16, across=4, rows=8, columns=4, groups=4, depth=4),  # 128 x 16
        Tile(down=8, across=16, rows=8, columns=4, groups=2, depth=8),  # 64 x 64
        Tile(down=4, across=8, rows=8, columns=4, groups=8, depth=2),  # 32 x 32
    ),
} | {
    kind: (
        _NARROW,
        Tile(down=4, across=2, rows=32, columns=32, groups=1, depth=16, parts=parts, resident=2),  # 128 x 64
        Tile(down=2, across=2, rows=32, columns=32, groups=2, depth=16, parts=parts),  # 64 x 64
        Tile(down=1, across=1, rows=32, columns=32, groups=8, depth=8, parts=parts),  # 32 x 32
    )
    for kind, parts in (("tf32", 1), ("split", 2))
}
TYPES = {kind: kind if kind in ("float32", "float64") else "float32" for kind in TILES}  # of the numbers
ENOUGH = 128  # blocks: about one for each multiprocessor of a large GPU


def kind_of(out) -> str:
    """How products that an array is to hold are made, a key of `TILES`: by its type, its precision and the device."""
    if out.dtype != np.float32 or capability() < TF32_FROM:
        return out.dtype.name
    return "tf32" if out.precision == "tf32" else "split"


def tile_for(rows: int, columns: int, kind: str, copies: int = 1) -> Tile:
    """The largest tile of which a matrix, or so many copies of it, has enough for the whole device, or the smallest.

    Parameters
    ----------
    rows, columns : int
    kind : str
        A key of `TILES`.
    copies : int
        Sums of slices that there can be.
    """
    narrow, *tiles = TILES[kind]
    if columns <= narrow.width:
        return narrow
    return next((tile for tile in tiles if copies * tile.blocks(rows, columns) >= ENOUGH), tiles[-1])
