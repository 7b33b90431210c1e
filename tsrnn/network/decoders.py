"""Decoders: from what the recurrent layers have made of a window to the outputs.

Each has `shapes`, `initialize` and `allocate` as layers do, and

    every_step       whether it reads all outputs of the top layer, (T, B, D), or the last, (1, B, D)
    reads_states     whether it reads the layers' states after the window; else they may be None
    reads_outputs    whether it reads its own outputs, so that they are not in proportion to its last layer
    n_keys           dropout keys that `forward` wants while training
    forward(p, y, states, skip, known, work, keys, targets) -> (R, O)
    backward(p, g, d_out, work, keys) -> gradients of `y` and of `states`

`states` are those of all layers after the window (see `Stack.final_states`); the gradient of those that a decoder
does not read is None. `skip` are the outputs of the linear maps beside the network, which a decoder adds to its own,
or None. `known` (R, P * F) are the inputs known ahead of each of the P steps of the horizon, F of each; F may be 0.
`d_out` is read.
"""

from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.devices import contiguous, empty, run, zeros
from tsrnn.kernels.linear import affine, affine_gradient, affine_input_gradient
from tsrnn.kernels.losses import fill_missing
from tsrnn.network.initialization import uniform
from tsrnn.network.layers import Dense, Dropout, Views, flat_rows
from tsrnn.network.recurrent import Recurrent
from tsrnn.network.stack import Stack, States


class Direct:
    """All outputs at once from the last output of the top layer: W y_T + b. (Many to one.)"""

    every_step = False
    reads_states = False
    reads_outputs = False
    n_keys = 0

    def __init__(self, input_size: int, output_size: int):
        self.head = Dense(input_size, output_size, prefix="head.")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self.head.shapes()

    def initialize(self, p: Views, rng: np.random.Generator, recurrent_init: str) -> None:
        _initialize_head(self.head, p, rng)

    def allocate(self, steps: int, rows: int, dtype: np.dtype) -> SimpleNamespace:
        steps = steps if self.every_step else 1
        return SimpleNamespace(
            out=empty((steps * rows, self.head.output_size), dtype),
            dy=empty((steps, rows, self.head.input_size), dtype),
        )

    def forward(self, p: Views, y, states: States, skip, known, work: SimpleNamespace, keys, targets) -> np.ndarray:
        work.y = y
        self.head.forward(p, flat_rows(y), work.out)
        if skip is not None:
            work.out += skip
        return work.out

    def backward(self, p: Views, g: Views, d_out: np.ndarray, work: SimpleNamespace, keys) -> tuple:
        self.head.backward(g, flat_rows(work.y), d_out)
        self.head.input_gradient(p, d_out, flat_rows(work.dy))
        return work.dy, None


class InStep(Direct):
    """Outputs at every step from the top layer's output there: W y_t + b, rows (T * B, O). (Many to many in step.)"""

    every_step = True


class Parallel:
    """Every position of the horizon at once (Lin et al., 2023, SegRNN, section 3.4): one step of a cell of its own.

    All positions start from the last output of the top layer, y_T (and an LSTM from its last c); the input of
    position p is an embedding e_p that is learnt. A dense head gives the `width` values of each position.

        s_p = cell(e_p [+ V x_p]; y_T)        out_p = W s_p + b

    Inputs x_p that are known ahead of a position add to the cell's input projection.

    Parameters
    ----------
    cell : str
    size : int
        Width of the top layer's outputs; the decoder's cell has as many units.
    output_size : int
        O. There are ceil(O / width) positions; what the last one has beyond O is left out.
    width : int
        Values that one position gives: those of a segment, over all channels.
    known_size : int
        Inputs known ahead of one position.
    dropout, recurrent_dropout : float
    """

    every_step = False
    reads_states = True
    reads_outputs = False

    def __init__(
        self,
        cell: str,
        size: int,
        output_size: int,
        width: int,
        known_size: int = 0,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
    ):
        self.positions = -(-output_size // width)
        self.output_size = output_size
        self.recurrent = Recurrent(cell, size, size, prefix="decoder.", suffix="_l0", dropout=recurrent_dropout)
        gates = len(self.recurrent.cell.gates) * size
        self.known = Dense(known_size, gates, prefix="decoder.known_") if known_size else None
        self.head = Dense(size, width, prefix="head.")
        self.dropout = Dropout(dropout) if dropout else None
        self._n_dropped = 1 if dropout else 0
        self.n_keys = self._n_dropped + self.recurrent.n_keys

    def shapes(self) -> dict[str, tuple[int, ...]]:
        embedding = {"decoder.position": (self.positions, self.recurrent.input_size)}
        known = self.known.shapes() if self.known else {}
        return {**embedding, **self.recurrent.shapes(), **known, **self.head.shapes()}

    def initialize(self, p: Views, rng: np.random.Generator, recurrent_init: str) -> None:
        # As torch starts an embedding: positions are far apart from the first update on.
        p["decoder.position"][...] = rng.standard_normal(p["decoder.position"].shape)
        self.recurrent.initialize(p, rng, recurrent_init)
        if self.known:
            for name in self.known.shapes():
                uniform(p[name], self.recurrent.hidden_size**-0.5, rng)
        _initialize_head(self.head, p, rng)

    def allocate(self, steps: int, rows: int, dtype: np.dtype) -> SimpleNamespace:
        n, size = self.positions, self.recurrent.hidden_size
        recurrent = self.recurrent.allocate(n, rows, dtype)
        return SimpleNamespace(
            recurrent=recurrent,
            more=np.empty_like(recurrent.a) if self.known else None,
            inputs=empty((n, recurrent.a.shape[2]), dtype),
            y=empty((n, rows, size), dtype),
            head=empty((n, rows, self.head.output_size), dtype),
            out=empty((rows, self.output_size), dtype),
        )

    def forward(self, p: Views, y, states: States, skip, known, work: SimpleNamespace, keys, targets) -> np.ndarray:
        layer, space = self.recurrent, work.recurrent
        layer.start(space, [y[0], *states[-1][1:]])
        work.n_layers = len(states)
        # The inputs are those of the positions, whatever the sequence: projected once, then laid out for all.
        run(affine, p["decoder.position"], p[layer.name["weight_ih"]], p[layer.name["bias_ih"]], work.inputs)
        space.a[...] = work.inputs[:, None]
        if self.known:
            work.known = _one_after_the_other(known, (self.positions, len(known), self.known.input_size))
            self.known.forward(p, flat_rows(work.known), flat_rows(work.more))
            space.a += work.more
        layer.mask(p, space, None if keys is None else keys[self._n_dropped :])
        run(layer.cell.parallel_forward, space.a, *space.memory, *layer.arrays(p, space), *layer.cell.options)
        work.y[...] = space.memory[0][1:]
        if keys is not None and self.dropout:
            self.dropout.apply(work.y, work.y, keys[0])
        self.head.forward(p, flat_rows(work.y), flat_rows(work.head))
        work.out[...] = _side_by_side(work.head, self.output_size)
        if skip is not None:
            work.out += skip
        return work.out

    def backward(self, p: Views, g: Views, d_out: np.ndarray, work: SimpleNamespace, keys) -> tuple:
        layer, space = self.recurrent, work.recurrent
        d_head = _one_after_the_other(d_out, work.head.shape)
        self.head.backward(g, flat_rows(work.y), flat_rows(d_head))
        dy = np.empty_like(work.y)
        self.head.input_gradient(p, flat_rows(d_head), flat_rows(dy))
        if keys is not None and self.dropout:
            self.dropout.apply(dy, dy, keys[0])
        weight, _, *peephole = layer.arrays(p, space)
        written = layer.arrays(g)
        others = *space.memory, weight, *peephole, dy, *space.d_states, *written, *layer.cell.options
        run(layer.cell.parallel_backward, space.a, *others)
        if space.mask is not None:
            written[0] *= space.mask
        if self.known:
            self.known.backward(g, flat_rows(work.known), flat_rows(space.a))
        d_inputs = space.a.sum(axis=1)
        run(affine_gradient, p["decoder.position"], d_inputs, g[layer.name["weight_ih"]], g[layer.name["bias_ih"]])
        run(affine_input_gradient, d_inputs, p[layer.name["weight_ih"]], g["decoder.position"])
        d_h, *d_others = space.d_states
        below = [None] * (work.n_layers - 1)
        return d_h[None], [*below, [np.zeros_like(d_h), *d_others]]


class Seq2Seq:
    """Recurrent layers that write the horizon one after the other (Sutskever, Vinyals and Le, 2014).

    They start from the states of the layers that read the window. The input of a step is the step before: while
    training the target (teacher forcing), else the decoder's own output; of the first step a vector that is learnt.

    Parameters
    ----------
    cell : str
    sizes : tuple of int
        Widths of the outputs of the layers that read the window.
    output_size : int
        O. There are ceil(O / width) steps; what the last one has beyond O is left out.
    width : int
        Values that one step gives and the next one reads: those of a segment, over all channels.
    known_size : int
        Inputs known ahead of one step, which it reads beside them.
    **options
        residual, layer_norm, dropout and recurrent_dropout of `Stack`.
    """

    every_step = False
    reads_states = True
    reads_outputs = True

    def __init__(self, cell: str, sizes: tuple[int, ...], output_size: int, width: int, known_size: int = 0, **options):
        self.positions = -(-output_size // width)
        self.output_size = output_size
        self.known_size = known_size
        self.stack = Stack(cell, width + known_size, sizes, prefix="decoder.", **options)
        self.head = Dense(self.stack.output_size, width, prefix="head.")
        self.n_keys = self.stack.n_keys

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"decoder.first_input": (self.head.output_size,), **self.stack.shapes(), **self.head.shapes()}

    def initialize(self, p: Views, rng: np.random.Generator, recurrent_init: str) -> None:
        p["decoder.first_input"][...] = 0
        self.stack.initialize(p, rng, recurrent_init)
        _initialize_head(self.head, p, rng)

    def allocate(self, steps: int, rows: int, dtype: np.dtype) -> SimpleNamespace:
        n, width = self.positions, self.head.output_size
        return SimpleNamespace(
            stack=self.stack.allocate(n, rows, dtype, last_only=False),
            one=self.stack.allocate(1, rows, dtype, last_only=False),
            x=empty((n, rows, width + self.known_size), dtype),
            head=empty((n, rows, width), dtype),
            out=empty((rows, self.output_size), dtype),
            d_last=zeros((1, rows, self.stack.output_size), dtype),
        )

    def forward(self, p: Views, y, states: States, skip, known, work: SimpleNamespace, keys, targets) -> np.ndarray:
        width = self.head.output_size
        if self.known_size:
            work.x[:, :, width:] = _one_after_the_other(known, (*work.x.shape[:2], self.known_size))
        work.x[0, :, :width] = p["decoder.first_input"]
        if targets is None:
            self._feed_back(p, states, skip, work)
        else:
            seen = np.zeros_like(targets)
            run(fill_missing, targets, seen, seen)  # a missing one is read as the centre
            work.x[1:, :, :width] = _one_after_the_other(seen, work.head.shape)[:-1]
            self.stack.start(work.stack, states)
            work.y = self.stack.forward(p, work.x, work.stack, keys)
            self.head.forward(p, flat_rows(work.y), flat_rows(work.head))
        work.out[...] = _side_by_side(work.head, self.output_size)
        if skip is not None:
            work.out += skip
        return work.out

    def _feed_back(self, p: Views, states: States, skip, work: SimpleNamespace) -> None:
        skip = None if skip is None else _one_after_the_other(skip, work.head.shape)
        for k in range(self.positions):
            self.stack.start(work.one, states)
            y = self.stack.forward(p, work.x[k : k + 1], work.one)
            states = self.stack.final_states(work.one)
            self.head.forward(p, y[0], work.head[k])
            if k + 1 < self.positions:
                work.x[k + 1, :, : work.head.shape[2]] = work.head[k] if skip is None else work.head[k] + skip[k]

    def backward(self, p: Views, g: Views, d_out: np.ndarray, work: SimpleNamespace, keys) -> tuple:
        """After a `forward` with targets."""
        d_head = _one_after_the_other(d_out, work.head.shape)
        self.head.backward(g, flat_rows(work.y), flat_rows(d_head))
        dy = np.empty_like(work.y)
        self.head.input_gradient(p, flat_rows(d_head), flat_rows(dy))
        spans = [(0, self.positions)]
        dx = self.stack.backward(p, g, dy, work.stack, keys, spans, need_dx=True)
        g["decoder.first_input"][...] = dx[0, :, : self.head.output_size].sum(axis=0)
        return work.d_last, self.stack.initial_gradients(work.stack)


def _initialize_head(head: Dense, p: Views, rng: np.random.Generator) -> None:
    for name in head.shapes():
        uniform(p[name], head.input_size**-0.5, rng)


def _side_by_side(steps: np.ndarray, size: int) -> np.ndarray:
    """(P, B, W) as (B, P * W), cut to the first `size` columns."""
    n, rows, width = steps.shape
    return steps.transpose(1, 0, 2).reshape(rows, n * width)[:, :size]


def _one_after_the_other(columns: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """(B, O) as (P, B, W), zero beyond O."""
    n, rows, width = shape
    filled = np.zeros_like(columns, shape=(rows, n * width))
    filled[:, : columns.shape[1]] = columns
    return contiguous(filled.reshape(rows, n, width).transpose(1, 0, 2))
