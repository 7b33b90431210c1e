"""Instructions of the GPU that CUDA's Python has no word for, each with what stands in for it in the simulator.

An index counts from the start of the array: below zero there is nothing.
"""

from tsrnn.kernels.cuda.driver import SIMULATED

VECTOR = 16  # bytes that one instruction moves at most

if not SIMULATED:
    from llvmlite import ir
    from numba.cuda import cgutils, types
    from numba.cuda.extending import intrinsic
    from numba.cuda.typing import signature

    def _vectors(context, builder, array, data, index):
        """Addresses of the vectors in which four numbers lie, their type, and how many numbers each holds."""
        number = context.get_data_type(array.dtype)
        held = VECTOR // number.get_abi_size(context.target_data)
        if index.type.width < 64:
            index = builder.zext(index, ir.IntType(64))
        first = builder.gep(cgutils.create_struct_proxy(array)(context, builder, data).data, [index])
        vector = ir.VectorType(number, held)
        start = builder.bitcast(first, vector.as_pointer())
        return [builder.gep(start, [ir.Constant(ir.IntType(64), k)]) for k in range(4 // held)], vector, held

    def _lane(k):
        return ir.Constant(ir.IntType(32), k)

    @intrinsic
    def load4(typing_context, a, i):
        """a[i], ..., a[i + 3] of an array of one dimension; a[i] lies at a multiple of 16 bytes."""

        def generate(context, builder, signature, arguments):
            pointers, _, held = _vectors(context, builder, signature.args[0], *arguments)
            vectors = [builder.load(pointer, align=VECTOR) for pointer in pointers]
            found = [builder.extract_element(vector, _lane(k)) for vector in vectors for k in range(held)]
            return cgutils.pack_array(builder, found)

        return signature(types.UniTuple(a.dtype, 4), a, i), generate

    @intrinsic
    def store4(typing_context, a, i, x, y, z, w):
        """a[i], ..., a[i + 3] = x, y, z, w, where `load4` could read them."""

        def generate(context, builder, signature, arguments):
            pointers, vector_type, held = _vectors(context, builder, signature.args[0], *arguments[:2])
            values = list(arguments[2:])
            for p, pointer in enumerate(pointers):
                vector = ir.Constant(vector_type, ir.Undefined)
                for k in range(held):
                    vector = builder.insert_element(vector, values[p * held + k], _lane(k))
                builder.store(vector, pointer, align=VECTOR)
            return context.get_dummy_value()

        return signature(types.none, a, i, a.dtype, a.dtype, a.dtype, a.dtype), generate

else:

    def load4(a, i):
        assert i % 4 == 0
        return a[i], a[i + 1], a[i + 2], a[i + 3]

    def store4(a, i, x, y, z, w):
        assert i % 4 == 0
        a[i], a[i + 1], a[i + 2], a[i + 3] = x, y, z, w
