"""A network: recurrent layers one above the other, a dense head on the last state, a linear map beside them."""

from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.linear import accumulate, steps_to_columns
from tsrnn.network.bidirectional import Bidirectional
from tsrnn.network.initialization import uniform
from tsrnn.network.layers import Dense, Dropout, Views
from tsrnn.network.parameters import Layout
from tsrnn.network.recurrent import Recurrent
from tsrnn.network.residual import Residual
from tsrnn.network.segment import Segment


class Network:
    """Many to one: a window (T, B, C) in, outputs (B, O) out.

        y = W_head h_T + b_head                  h_T: last state of the upper recurrent layer
        y = ... + W_linear (x_1, .., x_T) + b    with `linear_skip`

    Parameters
    ----------
    cell : str
        A key of `tsrnn.network.cells.CELLS`.
    steps : int
        Length of a window, T.
    input_size : int
        Channels a step, C.
    hidden_size, num_layers : int
    output_size : int
        Number of outputs, O.
    segment : int
        Consecutive values that enter the recurrent layers as one step.
    bidirectional : bool
        Each layer reads the window from both ends; its outputs are 2 * hidden_size wide.
    residual : bool
        From the second layer on, the input of a layer is added to its output.
    dropout : float
        Share of each recurrent layer's outputs that is set to zero while training, the last layer's included.
    linear_skip : bool

    Attributes
    ----------
    layout : Layout
        Names are torch's for a module with `rnn`, `head` and `linear`: `rnn.weight_ih_l0`, `head.bias`, ...
    n_dropout_keys : int
        Keys that `forward` wants while training; 0 without dropout.
    """

    def __init__(
        self,
        cell: str,
        steps: int,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        output_size: int,
        segment: int = 1,
        bidirectional: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        linear_skip: bool = False,
    ):
        self._arguments = (
            cell,
            steps,
            input_size,
            hidden_size,
            num_layers,
            output_size,
            segment,
            bidirectional,
            residual,
            dropout,
            linear_skip,
        )
        self.steps = steps
        self.input_size = input_size
        self.output_size = output_size
        kind = Bidirectional if bidirectional else Recurrent
        self.segment = Segment(segment, input_size, hidden_size) if segment > 1 else None
        self.recurrent_steps = self.segment.steps(steps) if self.segment else steps
        self.layers = []
        width = hidden_size if self.segment else input_size
        for k in range(num_layers):
            layer = kind(cell, width, hidden_size, prefix="rnn.", suffix=f"_l{k}")
            self.layers.append(Residual(layer) if residual and k else layer)
            width = layer.output_size
        self.dropout = Dropout(dropout) if dropout else None
        self.n_dropout_keys = num_layers if dropout else 0
        self.head = Dense(width, output_size, prefix="head.")
        self.linear = Dense(steps * input_size, output_size, prefix="linear.") if linear_skip else None
        parts = [part for part in (self.segment, *self.layers, self.head, self.linear) if part]
        self.layout = Layout({name: shape for part in parts for name, shape in part.shapes().items()})

    def __reduce__(self):
        # Pickled by its arguments: compiled kernels and their addresses stay out of the file.
        return type(self), self._arguments

    def initialize(self, rng: np.random.Generator, dtype: np.dtype, recurrent_init: str = "uniform") -> np.ndarray:
        """A fresh parameter vector. Draws are made in float64, so both types start from the same numbers."""
        p = self.layout.views(np.zeros(self.layout.size))
        if self.segment:
            self.segment.initialize(p, rng)
        for layer in self.layers:
            layer.initialize(p, rng, recurrent_init)
        for name in self.head.shapes():
            uniform(p[name], self.head.input_size**-0.5, rng)
        # The linear map starts at zero: the network learns what it adds to the states' forecast.
        return np.concatenate([view.ravel() for view in p.values()]).astype(dtype)

    def allocate(self, rows: int, dtype: np.dtype) -> SimpleNamespace:
        """Work space for `rows` windows: inputs, activations, gradients. Reused from batch to batch."""
        size, steps = self.head.input_size, self.recurrent_steps
        work = SimpleNamespace(
            x=np.empty((self.steps, rows, self.input_size), dtype),
            out=np.empty((rows, self.output_size), dtype),
            layers=[layer.allocate(steps, rows, dtype) for layer in self.layers],
            inputs=[],
            d_last=np.empty((1, rows, size), dtype),
            dropped=[],
        )
        if self.dropout:  # of the last layer's outputs only the last one goes on
            work.dropped = [np.empty((steps, rows, size), dtype) for _ in self.layers[1:]]
            work.dropped.append(np.empty((1, rows, size), dtype))
        if self.segment:
            work.segment = self.segment.allocate(self.steps, rows, dtype)
        if self.linear:
            work.columns = np.empty((rows, self.steps * self.input_size), dtype)
            work.linear_out = np.empty((rows, self.output_size), dtype)
        return work

    def forward(self, p: Views, work: SimpleNamespace, keys: np.ndarray | None = None) -> np.ndarray:
        """Outputs (B, O) for the windows in `work.x`.

        Parameters
        ----------
        p : dict of str to ndarray
        work : SimpleNamespace
            From `allocate`; holds what `backward` needs afterwards.
        keys : (n_dropout_keys,) uint64, optional
            Train with dropout under these keys; without them every value is kept.
        """
        y = self.segment.forward(p, work.x, work.segment) if self.segment else work.x
        work.inputs = []
        for k, layer in enumerate(self.layers):
            work.inputs.append(y)
            y = layer.forward(p, y, work.layers[k])
            if layer is self.layers[-1]:
                y = layer.final(y)
            if keys is not None and self.dropout:
                self.dropout.apply(y, work.dropped[k], keys[k], first_step=self.recurrent_steps - len(y))
                y = work.dropped[k]
        work.last = y[0]
        self.head.forward(p, work.last, work.out)
        if self.linear:
            steps_to_columns(work.x, work.columns)
            self.linear.forward(p, work.columns, work.linear_out)
            accumulate(work.out, work.linear_out)
        return work.out

    def backward(
        self,
        p: Views,
        g: Views,
        d_out: np.ndarray,
        work: SimpleNamespace,
        keys: np.ndarray | None = None,
        bptt_steps: int | None = None,
    ) -> None:
        """Write the gradients of all parameters into `g`, from those of the outputs, after `forward`.

        Parameters
        ----------
        p, g : dict of str to ndarray
        d_out : (B, O) read
        work, keys
            As given to `forward`.
        bptt_steps : int, optional
            Go back through the last steps of the recurrent layers only (truncated backpropagation through time,
            Williams and Peng, 1990); the states before them are constants. Default: through the whole window.
        """
        steps = self.recurrent_steps if bptt_steps is None else min(bptt_steps, self.recurrent_steps)
        if self.linear:
            self.linear.backward(g, work.columns, d_out)
        self.head.backward(g, work.last, d_out)
        dy = work.d_last
        self.head.input_gradient(p, d_out, dy[0])
        for k in reversed(range(len(self.layers))):
            if keys is not None and self.dropout:
                self.dropout.apply(dy, dy, keys[k], first_step=self.recurrent_steps - len(dy))
            need_dx = k > 0 or self.segment is not None
            dy = self.layers[k].backward(p, g, work.inputs[k], dy, work.layers[k], steps, need_dx)
        if self.segment:
            self.segment.backward(g, dy, work.segment)
