"""The recurrent operators of ONNX as a second judge of the forward pass, by onnxruntime."""

import numpy as np
import pytest

from gradcheck import assert_close
from network.case import EVERY_CELL, Case

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

# ONNX stacks the gates i o f c (LSTM) and z r h (GRU): positions of its gates among ours, i f g o and r z n.
LSTM, GRU = ("LSTM", [0, 3, 1, 2]), ("GRU", [1, 0, 2])
# name -> operator, order of its gates, attributes
OPERATORS = {
    "rnn": ("RNN", [0], {}),
    "rnn_relu": ("RNN", [0], {"activations": ["Relu"]}),
    "lstm": (*LSTM, {}),
    "lstm_peephole": (*LSTM, {}),
    "gru": (*GRU, {"linear_before_reset": 1}),
    "gru_reset_before": (*GRU, {"linear_before_reset": 0}),
}
# And its peepholes i o f: positions among ours, i f o.
PEEPHOLES = [0, 2, 1]


def test_what_onnx_does_not_have():
    """Its output gate sees c_t. That the other agrees with it but for the output gate, the kernels' tests say."""
    assert set(EVERY_CELL) - set(OPERATORS) == {"lstm_peephole_previous"}


def in_onnx_order(weight, order):
    """Blocks of rows in ONNX's order, with its leading axis for the direction."""
    return np.concatenate([np.split(weight, len(order))[k] for k in order])[None]


def session_of(case):
    """The recurrent layers of `case`; each layer's states at all steps are an output."""
    operator, order, options = OPERATORS[case.cell]
    size, p = case.network.hidden_size, case.parameters
    states_shape = (*case.x.shape[:2], size)
    nodes, weights, outputs, source = [], {"axis": np.array([1])}, [], "x"
    for k in range(len(case.network.layers)):
        bias = [in_onnx_order(p[f"rnn.bias_{side}_l{k}"], order) for side in ("ih", "hh")]
        weights |= {
            f"W{k}": in_onnx_order(p[f"rnn.weight_ih_l{k}"], order),
            f"R{k}": in_onnx_order(p[f"rnn.weight_hh_l{k}"], order),
            f"B{k}": np.concatenate(bias, axis=1),
        }
        inputs = [source, f"W{k}", f"R{k}", f"B{k}"]
        if (name := f"rnn.weight_peephole_l{k}") in p:
            weights[f"P{k}"] = in_onnx_order(p[name].ravel(), PEEPHOLES)
            # Between them lengths and initial states, which are optional.
            inputs += ["", "", "", f"P{k}"]
        nodes += [
            onnx.helper.make_node(operator, inputs, [f"all{k}"], hidden_size=size, **options),
            onnx.helper.make_node("Squeeze", [f"all{k}", "axis"], [f"y{k}"]),
        ]
        outputs.append(onnx.helper.make_tensor_value_info(f"y{k}", onnx.TensorProto.FLOAT, states_shape))
        source = f"y{k}"
    graph = onnx.helper.make_graph(
        nodes,
        "recurrent",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, case.x.shape)],
        outputs,
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    # Versions that the oldest onnxruntime of the test requirements reads.
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("cell", OPERATORS)
@pytest.mark.parametrize("layers", [1, 2])
def test_states(cell, layers):
    case = Case(cell, steps=6, rows=5, inputs=3, size=7, layers=layers, dtype=np.float32)
    case.outputs()
    expected = session_of(case).run(None, {"x": case.x})
    for work, states in zip(case.work.layers, expected, strict=True):
        assert_close(work.memory[0][1:], states, 1e-5)
