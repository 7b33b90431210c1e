"""The micro-kernel of all matrix products: a small tile of the result, kept in vector registers.

    C[m : m + rows, n : n + W] += A[m : m + rows] B[k : k + K, j : j + W]           A (M, K)

The products of a time step are skinny: some thirty rows by a weight matrix. BLAS is made for large ones and reaches
half to two thirds of the processor's rate here. The tile does little else than multiply-adds: for each step of the sum
it loads one row of B, two vectors, and for each of its rows one number of A, spread over a vector; the sums stay in
registers until its end. LLVM does not find this form by itself in a triple loop, hence it is written in its own
language, once for all vector widths and both floating-point types (Goto and van de Geijn, 2008, describe the method).

Every element of C is a chain of multiply-adds in the order of the sum. Its value depends neither on the height of the
tile nor on the other rows of the batch.
"""

import platform

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

VECTORS = 2  # of a register's width, side by side in a tile; in a narrow one there is one


def host_features() -> set[str]:
    """What the processor can do, as Numba sees it, by LLVM's names."""
    if config.CPU_FEATURES is not None:
        return {name[1:] for name in config.CPU_FEATURES.split(",") if name.startswith("+")}
    return {name for name, present in binding.get_host_cpu_features().items() if present}


def registers(features: set[str], machine: str) -> tuple[int, int, bool]:
    """Bytes of a vector register, rows of the tallest tile, and whether multiply-adds are one instruction.

    A tile holds VECTORS sums for each row, beside a row of B and a number of A: of 32 registers (AVX-512, ARM) eight
    rows fill 19, of 16 (AVX2 and older) six rows fill 15.
    """
    if machine.lower() in ("arm64", "aarch64"):
        return 16, 8, True
    if "avx512f" in features:
        return 64, 8, True
    return (32 if "avx" in features else 16), 6, "fma" in features


VECTOR_BYTES, TALLEST, FUSED = registers(host_features(), platform.machine())
HEIGHTS = (TALLEST, 4, 2, 1)
WIDTH_BYTES = VECTORS * VECTOR_BYTES  # of a row of a tile


def _emit(context, builder, signature, args, rows: int, vectors: int) -> None:
    """The code of a tile of so many rows and vectors."""
    scalar = context.get_value_type(signature.args[0].dtype)
    size = signature.args[0].dtype.bitwidth // 8
    lanes = VECTOR_BYTES // size
    vector = ir.VectorType(scalar, lanes)
    integer = ir.IntType(64)
    a, m, b, k, j, c, n = args

    def opened(position, value):
        """Address, and bytes from row to row and from column to column."""
        array = context.make_array(signature.args[position])(context, builder, value)
        address = builder.bitcast(array.data, ir.IntType(8).as_pointer())
        return address, *cgutils.unpack_tuple(builder, array.strides, 2)

    def at(address, offset):
        return builder.gep(address, [offset])

    def vector_at(address, v):
        return builder.bitcast(at(address, integer(v * VECTOR_BYTES)), vector.as_pointer())

    def spread(value):
        one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
        return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes))

    def multiply_add(x, y, total):
        if not FUSED:
            return builder.fadd(builder.fmul(x, y), total)
        kind = ir.FunctionType(vector, [vector] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{lanes}f{8 * size}")
        return builder.call(fma, [x, y, total])

    a_address, a_row, a_column = opened(0, a)
    b_address, b_row, b_column = opened(2, b)
    c_address, c_row, c_column = opened(5, c)
    inner = cgutils.unpack_tuple(builder, context.make_array(signature.args[0])(context, builder, a).shape, 2)[1]
    a_address = at(a_address, builder.mul(a_row, m))
    b_address = at(b_address, builder.add(builder.mul(b_row, k), builder.mul(b_column, j)))
    c_address = at(c_address, builder.add(builder.mul(c_row, m), builder.mul(c_column, n)))
    a_rows = [at(a_address, builder.mul(a_row, integer(r))) for r in range(rows)]
    c_rows = [at(c_address, builder.mul(c_row, integer(r))) for r in range(rows)]
    places = [(r, v) for r in range(rows) for v in range(vectors)]
    start = {(r, v): builder.load(vector_at(c_rows[r], v), align=size) for r, v in places}

    before, body, after = builder.block, builder.append_basic_block("tile"), builder.append_basic_block("tile.end")
    builder.branch(body)
    builder.position_at_end(body)
    index = builder.phi(integer)
    totals = {place: builder.phi(vector) for place in places}
    b_address_k = at(b_address, builder.mul(index, b_row))
    b_vectors = [builder.load(vector_at(b_address_k, v), align=size) for v in range(vectors)]
    a_offset = builder.mul(index, a_column)
    new = {}
    for r in range(rows):
        x = spread(builder.load(builder.bitcast(at(a_rows[r], a_offset), scalar.as_pointer())))
        for v in range(vectors):
            new[r, v] = multiply_add(x, b_vectors[v], totals[r, v])
    following = builder.add(index, integer(1))
    index.add_incoming(integer(0), before)
    index.add_incoming(following, body)
    for place in places:
        totals[place].add_incoming(start[place], before)
        totals[place].add_incoming(new[place], body)
    builder.cbranch(builder.icmp_signed("<", following, inner), body, after)
    builder.position_at_end(after)
    for r, v in places:
        builder.store(new[r, v], vector_at(c_rows[r], v), align=size)


def _make_tile(rows: int, vectors: int):
    """A tile as a function of Numba code; K is at least 1, the columns of B and C next to one another."""

    @intrinsic
    def tile(typing_context, a, m, b, k, j, c, n):
        def generate(context, builder, signature, args):
            _emit(context, builder, signature, args, rows, vectors)
            return context.get_dummy_value()

        return types.void(a, types.int64, b, types.int64, types.int64, c, types.int64), generate

    def product(a, m, b, k, j, c, n):
        width = vectors * VECTOR_BYTES // b.itemsize
        c[m : m + rows, n : n + width] += a[m : m + rows] @ b[k : k + a.shape[1], j : j + width]

    return product if config.DISABLE_JIT else tile


tile_tallest, tile_4, tile_2, tile_1 = (_make_tile(rows, VECTORS) for rows in HEIGHTS)
narrow_tallest, narrow_4, narrow_2, narrow_1 = (_make_tile(rows, 1) for rows in HEIGHTS)
