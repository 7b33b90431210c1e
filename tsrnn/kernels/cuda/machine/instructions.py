"""Instructions of the GPU that Python has no word for, and what stands in for each of them in the simulator.

Indices count the elements of a contiguous array of any shape in the order in which they lie, and are not negative:
one number is carried from step to step, where an index for each axis would have to be multiplied out.

    load, load4      one element, or four that begin at a multiple of four
    store, store4    the same, written
    prefetch         bring what lies there into the L2 cache; it is not waited for
    copy_async       begin to copy an element of four bytes from the device's memory to shared memory
    commit_copies    make a group of the copies that a thread has begun since the last one, be it of none
    await_copies     wait until all of its groups have come but so many of the last, a number that is written out
    to_tf32          the nearest number of ten bits of mantissa, as the bits of a float32
    as_u32, as_f32   the bits of a float32, and the way back
    split            a float32 as a number of tf32, and what is left
    mma_tf32         D (16, 8) = A (16, 8) B (8, 8) + C by the threads of a warp together, see there
"""

import threading

import numpy as np
from numba import cuda  # noqa: F401  before the modules below
from numba.cuda.core import config

SIMULATED = bool(config.ENABLE_CUDASIM)
WARP = 32
UNDER_WAY = np.uint32(0x7FFFA5A5).view(np.float32)  # a NaN: what the simulator has where a copy has not come yet

if not SIMULATED:
    from llvmlite import ir
    from numba.cuda import cgutils, types
    from numba.cuda.extending import intrinsic
    from numba.cuda.typing import signature

    _FLOAT, _INT = ir.FloatType(), ir.IntType(32)
    _SHARED = 3  # the space of addresses in which shared memory lies

    def _place(context, builder, array_type, array, index):
        """Address of an element. The index is not negative, so it need not be asked whether to count from the end."""
        data = cgutils.create_struct_proxy(array_type)(context, builder, array).data
        wide = ir.IntType(64)
        return builder.gep(data, [builder.zext(index, wide) if index.type.width < wide.width else index])

    def _is_place(array, index) -> bool:
        return isinstance(array, types.Array) and array.layout == "C" and isinstance(index, types.Integer)

    def _order(builder, instruction: str, constraints: str = "", function=None, operands=()) -> None:
        """An instruction that nothing which reads or writes memory may be moved past."""
        function = function or ir.FunctionType(ir.VoidType(), [])
        constraints = ",".join(filter(None, (constraints, "~{memory}")))
        builder.call(ir.InlineAsm(function, instruction, constraints, side_effect=True), operands)

    def _loading(n: int):
        @intrinsic
        def loaded(typing_context, array, index):
            if not _is_place(array, index):
                return None

            def generate(context, builder, signature, args):
                element = context.get_data_type(array.dtype)
                place = _place(context, builder, array, *args)
                if n == 1:
                    return builder.load(place)
                vector = builder.load(builder.bitcast(place, ir.VectorType(element, n).as_pointer()), align=16)
                return cgutils.pack_array(builder, [builder.extract_element(vector, _INT(k)) for k in range(n)])

            return signature(array.dtype if n == 1 else types.UniTuple(array.dtype, n), array, index), generate

        return loaded

    load, load4 = _loading(1), _loading(4)

    @intrinsic
    def store(typing_context, array, index, value):
        if not _is_place(array, index):
            return None

        def generate(context, builder, signature, args):
            builder.store(args[2], _place(context, builder, array, *args[:2]))
            return context.get_dummy_value()

        return signature(types.none, array, index, array.dtype), generate

    @intrinsic
    def store4(typing_context, array, index, x, y, z, w):
        if not _is_place(array, index):
            return None

        def generate(context, builder, signature, args):
            vector = ir.VectorType(context.get_data_type(array.dtype), 4)
            values = ir.Constant(vector, ir.Undefined)
            for k, value in enumerate(args[2:]):
                values = builder.insert_element(values, value, _INT(k))
            place = _place(context, builder, array, *args[:2])
            builder.store(values, builder.bitcast(place, vector.as_pointer()), align=16)
            return context.get_dummy_value()

        return signature(types.none, array, index, *[array.dtype] * 4), generate

    @intrinsic
    def prefetch(typing_context, array, index):
        if not _is_place(array, index):
            return None

        def generate(context, builder, signature, args):
            place = builder.ptrtoint(_place(context, builder, array, *args), ir.IntType(64))
            function = ir.FunctionType(ir.VoidType(), [ir.IntType(64)])
            instruction = "prefetch.global.L2 [$0];"
            builder.call(ir.InlineAsm(function, instruction, "l", side_effect=True), [place])
            return context.get_dummy_value()

        return signature(types.none, array, index), generate

    @intrinsic
    def copy_async(typing_context, to, index, of, place):
        """It is the thread that began a copy which sees it, once it has waited; others see it after a barrier more."""
        if not (_is_place(to, index) and _is_place(of, place) and to.dtype == of.dtype and to.dtype.bitwidth == 32):
            return None

        def generate(context, builder, signature, args):
            target = _place(context, builder, to, *args[:2])
            target = builder.addrspacecast(target, target.type.pointee.as_pointer(_SHARED))
            source = _place(context, builder, of, *args[2:])
            ends = [builder.ptrtoint(target, _INT), builder.ptrtoint(source, ir.IntType(64))]
            function = ir.FunctionType(ir.VoidType(), [end.type for end in ends])
            _order(builder, "cp.async.ca.shared.global [$0], [$1], 4;", "r,l", function, ends)
            return context.get_dummy_value()

        return signature(types.none, to, index, of, place), generate

    @intrinsic
    def commit_copies(typing_context):
        def generate(context, builder, signature, args):
            _order(builder, "cp.async.commit_group;")
            return context.get_dummy_value()

        return signature(types.none), generate

    @intrinsic
    def await_copies(typing_context, but):
        if not isinstance(but, types.IntegerLiteral):
            return None

        def generate(context, builder, signature, args):
            _order(builder, f"cp.async.wait_group {but.literal_value};")
            return context.get_dummy_value()

        return signature(types.none, but), generate

    def _same_bits(out, of):
        @intrinsic
        def found(typing_context, x):
            def generate(context, builder, signature, args):
                return builder.bitcast(args[0], context.get_value_type(out))

            return signature(out, of), generate

        return found

    @intrinsic
    def to_tf32(typing_context, x):
        def generate(context, builder, signature, args):
            asm = ir.InlineAsm(ir.FunctionType(_INT, [_FLOAT]), "cvt.rna.tf32.f32 $0, $1;", "=r,f")
            return builder.call(asm, args)

        return signature(types.uint32, types.float32), generate

    @intrinsic
    def split(typing_context, x):
        """The nearest number of tf32, and what is left; a NaN is left, whatever the first may be.

        It is said to have a side effect, so that the compiler leaves it where it stands. What it would take out of a
        loop over time, because the weights do not change, no registers could hold. `to_tf32` takes longer.
        """

        def generate(context, builder, signature, args):
            function = ir.FunctionType(ir.LiteralStructType([_INT] * 2), [_INT])
            instructions = "add.u32 $0, $2, 0x1000; and.b32 $0, $0, 0xffffe000; sub.f32 $1, $2, $0;"
            asm = ir.InlineAsm(function, instructions, "=&r,=r,r", side_effect=True)
            found = builder.call(asm, [builder.bitcast(args[0], _INT)])
            return cgutils.pack_array(builder, [builder.extract_value(found, k) for k in range(2)])

        return signature(types.UniTuple(types.uint32, 2), types.float32), generate

    as_u32, as_f32 = _same_bits(types.uint32, types.float32), _same_bits(types.float32, types.uint32)

    @intrinsic
    def mma_tf32(typing_context, a0, a1, a2, a3, b0, b1, c0, c1, c2, c3):
        """Four elements of D, of the thread numbered 4 g + q of a warp.

        a0 .. a3 are its elements (g, q), (g + 8, q), (g, q + 4), (g + 8, q + 4) of A, b0 and b1 its elements (q, g) and
        (q + 4, g) of B, all in tf32: of a float32's bits the lower 13 are not looked at. c0 .. c3 and what comes back
        are float32, the elements (g, 2q), (g, 2q + 1), (g + 8, 2q), (g + 8, 2q + 1).
        """

        def generate(context, builder, signature, args):
            function = ir.FunctionType(ir.LiteralStructType([_FLOAT] * 4), [_INT] * 6 + [_FLOAT] * 4)
            instruction = (
                "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                "{$0,$1,$2,$3}, {$4,$5,$6,$7}, {$8,$9}, {$10,$11,$12,$13};"
            )
            found = builder.call(ir.InlineAsm(function, instruction, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f"), args)
            return cgutils.pack_array(builder, [builder.extract_value(found, k) for k in range(4)])

        operands = [types.uint32] * 6 + [types.float32] * 4
        return signature(types.UniTuple(types.float32, 4), *operands), generate

else:

    def _in_order(array) -> np.ndarray:
        """The elements of an array of the simulator in the order in which they lie."""
        array = getattr(array, "_ary", array)
        assert array.flags.c_contiguous
        return array.reshape(-1)

    def load(array, index):
        assert index >= 0
        return _in_order(array)[index]

    def load4(array, index):
        assert index >= 0
        assert index % 4 == 0
        elements = _in_order(array)
        return elements[index], elements[index + 1], elements[index + 2], elements[index + 3]

    def store(array, index, value):
        assert index >= 0
        _in_order(array)[index] = value

    def store4(array, index, x, y, z, w):
        assert index >= 0
        assert index % 4 == 0
        elements = _in_order(array)
        elements[index], elements[index + 1], elements[index + 2], elements[index + 3] = x, y, z, w

    def prefetch(array, index):
        assert 0 <= index < array.size

    def copy_async(to, index, of, place):
        store(to, index, UNDER_WAY)
        _groups()[-1].append((to, index, of, place))

    def commit_copies():
        _groups().append([])

    def await_copies(but):
        groups = _groups()
        while len(groups) - 1 > but:
            for to, index, of, place in groups.pop(0):
                store(to, index, load(of, place))

    def _groups() -> list[list]:
        """The copies of this thread that have not come: the last group is not closed."""
        return vars(threading.current_thread()).setdefault("copies", [[]])

    def to_tf32(x):
        return np.uint32((int(as_u32(x)) + 0x1000) & 0xFFFFE000)

    def split(x):
        near = to_tf32(x)
        with np.errstate(invalid="ignore"):
            return near, as_u32(np.float32(x) - as_f32(near))

    def as_u32(x):
        return np.float32(x).view(np.uint32)

    def as_f32(x):
        return np.uint32(x).view(np.float32)

    class _Warp:
        """Threads that come to one instruction with their operands, and go on when the last has come."""

        def __init__(self):
            self._given = [None] * WARP
            self._found = None  # written when all have come, and so have read what they came for before
            self._meeting = threading.Barrier(WARP, self._multiply)

        def together(self, lane: int, operands):
            self._given[lane] = operands
            self._meeting.wait(timeout=60)
            return self._found[lane]

        def _multiply(self):
            bits = np.array([operands[:6] for operands in self._given], np.uint32) & np.uint32(0xFFFFE000)
            values = bits.view(np.float32).astype(float)
            a = values[:, :4].reshape(8, 4, 2, 2).transpose(3, 0, 2, 1).reshape(16, 8)
            b = values[:, 4:].reshape(8, 4, 2).transpose(2, 1, 0).reshape(8, 8)
            c = np.array([operands[6:] for operands in self._given], np.float32)
            product = (a @ b).astype(np.float32).reshape(2, 8, 4, 2).transpose(1, 2, 0, 3).reshape(WARP, 4)
            self._found = c + product

    def mma_tf32(*operands):
        thread = threading.current_thread()
        warp, lane = divmod(thread.thread_id, WARP)
        warps = vars(thread._manager).setdefault("warps", {})
        return tuple(warps.setdefault(warp, _Warp()).together(lane, operands))
