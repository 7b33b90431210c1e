"""Nodes and constants of an ONNX graph to be."""

from collections.abc import Callable

import numpy as np

OPSET, IR_VERSION = 14, 8  # old enough for every onnxruntime of the last years


def load_onnx():
    """The module onnx; if it is missing, the error says how to get it."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ModuleNotFoundError(
            'to_onnx needs onnx, which is not installed: pip install "tsrnn[onnx]"', name="onnx"
        ) from error
    return onnx


class Graph:
    """Nodes and constants of a graph to be. A value is known by its name; an array becomes a constant of its own.

    Parameters
    ----------
    around : Graph, optional
        The graph around this one, the body of a loop: the outermost holds the constants and the names of all.
    """

    def __init__(self, around: "Graph | None" = None):
        self._onnx = load_onnx()
        self._outermost = around._outermost if around else self
        self._nodes, self._inputs, self._outputs = [], [], []
        if around is None:
            self._constants, self._count = [], 0
        # onnxruntime takes axes of one name for axes of one length, in all graphs of a model.
        self._mark = "" if around is None else self._new_name("")

    def _new_name(self, kind: str) -> str:
        self._outermost._count += 1
        return f"{kind}_{self._outermost._count}"

    def _constant(self, value) -> str:
        name = self._new_name("constant")
        self._outermost._constants.append(self._onnx.numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, operator: str, *inputs, n_outputs: int = 1, **attributes):
        """Append a node and name its output; a list of names for several. An input of "" is left out."""
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        outputs = [self._new_name(operator.lower()) for _ in range(n_outputs)]
        self._nodes.append(self._onnx.helper.make_node(operator, names, outputs, **attributes))
        return outputs[0] if n_outputs == 1 else outputs

    def compute(self, formula: Callable, *inputs):
        """What a formula of the kernels, or another function of numbers in float64, makes of values of the graph.

        Each of its operations becomes a node; of arrays alone it is computed at once.
        """
        formula = getattr(formula, "py_func", formula)  # as it is written, not as it is compiled
        found = formula(*(Term(self, value) if isinstance(value, str) else value for value in inputs))
        return tuple(map(_known_as, found)) if isinstance(found, tuple) else _known_as(found)

    def cast(self, value: str, dtype) -> str:
        """The value in another type."""
        return self.add("Cast", value, to=self._kind(dtype))

    def _kind(self, dtype) -> int:
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def _declared(self, name: str, dtype, shape):
        shape = [f"{axis}{self._mark}" if isinstance(axis, str) else axis for axis in shape]
        return self._onnx.helper.make_tensor_value_info(name, self._kind(dtype), shape)

    def input(self, name: str, dtype, *shape: int | str) -> str:
        """Declare an input; an axis may have a name instead of a length."""
        name = name if self._outermost is self else self._new_name(name)
        self._inputs.append(self._declared(name, dtype, shape))
        return name

    def output(self, value: str, name: str, dtype, *shape: int | str) -> None:
        """Declare the value an output, under this name."""
        name = name if self._outermost is self else self._new_name(name)
        self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._declared(name, dtype, shape))

    def proto(self):
        """The finished GraphProto."""
        constants = self._constants if self._outermost is self else []
        return self._onnx.helper.make_graph(self._nodes, "tsrnn", self._inputs, self._outputs, constants)

    def model(self, version: str, doc: str):
        """A checked ModelProto."""
        helper = self._onnx.helper
        model = helper.make_model(
            self.proto(),
            producer_name="tsrnn",
            producer_version=version,
            doc_string=doc,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        self._onnx.checker.check_model(model, full_check=True)
        return model


def either(
    graph: Graph, condition: str, this: Callable[[Graph], str], other: Callable[[Graph], str], steps: int
) -> str:
    """What one of two functions makes, (n, steps)."""
    branches = []
    for branch in (this, other):
        inside = Graph(around=graph)
        inside.output(branch(inside), "found", np.float64, "n", steps)
        branches.append(inside.proto())
    return graph.add("If", condition, then_branch=branches[0], else_branch=branches[1])


class Term:
    """A value of a graph that is reckoned with as with a number, in float64: see `Graph.compute`."""

    __array_ufunc__ = None  # an array leaves what it is to do with a term to the term

    def __init__(self, graph: Graph, name: str):
        self.graph, self.name = graph, name

    def _with(self, operator: str, *operands) -> "Term":
        names = [_known_as(operand) if isinstance(operand, Term) else np.float64(operand) for operand in operands]
        return Term(self.graph, self.graph.add(operator, *names))

    def __add__(self, other):
        return self._with("Add", self, other)

    def __radd__(self, other):
        return self._with("Add", other, self)

    def __sub__(self, other):
        return self._with("Sub", self, other)

    def __rsub__(self, other):
        return self._with("Sub", other, self)

    def __mul__(self, other):
        return self._with("Mul", self, other)

    def __rmul__(self, other):
        return self._with("Mul", other, self)

    def __truediv__(self, other):
        return self._with("Div", self, other)

    def __pow__(self, other):
        return self._with("Pow", self, other)


def _known_as(found):
    return found.name if isinstance(found, Term) else found
