"""A network: recurrent layers read a window, a decoder turns what they made of it into outputs."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.devices import empty, run
from tsrnn.kernels.linear import steps_to_columns
from tsrnn.network.decoders import Direct, InStep, Parallel, Seq2Seq
from tsrnn.network.layers import Dense, Spans, Views, flat_rows
from tsrnn.network.parameters import Layout
from tsrnn.network.segment import Segment
from tsrnn.network.stack import Stack, States

DECODERS = ("direct", "in_step", "parallel", "seq2seq")


class Network:
    """A window (T, B, C) in, outputs (B, O) out; or one row of outputs a step, (T * B, O), with the decoder "in_step".

        y = decoder(recurrent layers(x_1, .., x_T))
        y = ... + W_linear (x_1, .., x_T) + b           with `linear_skip`; in step: + W_linear x_t + b
        y = ... + V (z_1, .., z_P)                      with inputs z known ahead, see `known`

    Parameters
    ----------
    cell : str
        A key of `tsrnn.network.cells.CELLS`.
    steps : int
        Length of a window, T.
    input_size : int
        Channels a step, C.
    hidden_size : int or tuple of int
        Units of each recurrent layer, or of one after the other.
    num_layers : int
    output_size : int
        Outputs of a window, O; in step: of a step.
    decoder : {"direct", "in_step", "parallel", "seq2seq"}
        See `tsrnn.network.decoders`.
    target_channels : int
        Values of one step of the horizon; the outputs are P = O / target_channels steps, one after the other.
    known_size : int
        Inputs that are known ahead of each step of the horizon, F.
    segment : int
        Consecutive values that enter the recurrent layers as one step; the decoders "parallel" and "seq2seq" write
        as many steps of the horizon at once.
    bidirectional : bool
        Each layer reads the window from both ends; its outputs are 2 * hidden_size wide.
    residual : bool
        From the second layer on, the input of a layer is added to its output.
    layer_norm : bool
        The outputs of each layer are normalised over its units, at each step by themselves.
    dropout : float
        Share of each recurrent layer's outputs that is set to zero while training, the last layer's included.
    recurrent_dropout : float
        Share of each state's units that the recurrent products do not see while training; see `Recurrent`.
    linear_skip : bool
    skip_channels : int, optional
        The linear map reads the first so many channels of a window. Default: all.

    Attributes
    ----------
    layout : Layout
        Names are torch's for a module with `rnn`, `head` and `linear`: `rnn.weight_ih_l0`, `head.bias`, ...
    linear : Dense or None
        The linear map of the window.
    known : Dense or None
        The linear map of what is known ahead: with `linear_skip`, and with the decoders "direct" and "in_step", which
        have no other way to know of it.
    layers : list of Recurrent, Bidirectional or Residual
        That read the window.
    segment_length : int
        Values that one step of these layers reads.
    recurrent_steps : int
        Steps that they take over a window.
    target_steps : int
        Steps of the horizon, P.
    output_rows : int
        Rows of outputs a window: 1, or in step `recurrent_steps`.
    n_dropout_keys : int
        Keys that `forward` wants while training; 0 without dropout.
    work : int
        Multiply-adds that the layers which read the window spend on it in a forward pass: one a weight and step.
    """

    def __init__(
        self,
        cell: str,
        steps: int,
        input_size: int,
        hidden_size: int | tuple[int, ...],
        num_layers: int,
        output_size: int,
        *,
        decoder: str = "direct",
        target_channels: int = 1,
        known_size: int = 0,
        segment: int = 1,
        bidirectional: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        linear_skip: bool = False,
        skip_channels: int | None = None,
    ):
        self._sizes = (cell, steps, input_size, hidden_size, num_layers, output_size)
        shared = {
            "residual": residual,
            "layer_norm": layer_norm,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
        }
        self._options = {
            **shared,
            "decoder": decoder,
            "target_channels": target_channels,
            "known_size": known_size,
            "segment": segment,
            "bidirectional": bidirectional,
            "linear_skip": linear_skip,
            "skip_channels": skip_channels,
        }
        self.cell = cell
        self.hidden_size = hidden_size
        self.steps = steps
        self.input_size = input_size
        self.output_size = output_size
        sizes = hidden_size if isinstance(hidden_size, tuple) else (hidden_size,) * num_layers
        self.segment_length = segment
        self.segment = Segment(segment, input_size, sizes[0]) if segment > 1 else None
        self.recurrent_steps = self.segment.steps(steps) if self.segment else steps
        width = sizes[0] if self.segment else input_size
        self.stack = Stack(cell, width, sizes, bidirectional=bidirectional, prefix="rnn.", **shared)
        self.layers = self.stack.layers
        self.target_steps = output_size // target_channels
        self.known_size = known_size * self.target_steps
        self.decoder = self._decoder(decoder, segment * target_channels, segment * known_size, shared)
        self.head = self.decoder.head
        self.output_rows = self.recurrent_steps if self.decoder.every_step else 1
        self.n_dropout_keys = self.stack.n_keys + self.decoder.n_keys
        self.skip_channels = input_size if skip_channels is None or self.decoder.every_step else skip_channels
        seen = self.skip_channels * (segment if self.decoder.every_step else steps)
        self.linear = Dense(seen, output_size, prefix="linear.") if linear_skip else None
        mapped = self.known_size and (linear_skip or decoder in ("direct", "in_step"))
        self.known = Dense(self.known_size, output_size, prefix="known.") if mapped else None
        parts = [part for part in (self.segment, self.stack, self.decoder, self.known, self.linear) if part]
        self.layout = Layout({name: shape for part in parts for name, shape in part.shapes().items()})
        self.work = self.recurrent_steps * sum(math.prod(shape) for shape in self.stack.shapes().values())

    def _decoder(self, name: str, width: int, known_size: int, shared: dict):
        size = self.stack.output_size
        if name in ("direct", "in_step"):
            return (Direct if name == "direct" else InStep)(size, self.output_size)
        if name == "parallel":
            rates = {key: shared[key] for key in ("dropout", "recurrent_dropout")}
            return Parallel(self.cell, size, self.output_size, width, known_size, **rates)
        sizes = tuple(layer.output_size for layer in self.layers)
        return Seq2Seq(self.cell, sizes, self.output_size, width, known_size, **shared)

    def __reduce__(self):
        # Pickled by its arguments: compiled kernels and their addresses stay out of the file.
        return partial(type(self), **self._options), self._sizes

    @property
    def arguments(self) -> dict:
        """What the network was made of, by name."""
        names = ("cell", "steps", "input_size", "hidden_size", "num_layers", "output_size")
        return dict(zip(names, self._sizes, strict=True)) | self._options

    def over(self, steps: int) -> "Network":
        """The same network, hence the same parameters, over windows of another length; in step only."""
        cell, _, *sizes = self._sizes
        return type(self)(cell, steps, *sizes, **self._options)

    def initialize(self, rng: np.random.Generator, dtype: np.dtype, recurrent_init: str = "uniform") -> np.ndarray:
        """A fresh parameter vector. Draws are made in float64, so both types start from the same numbers."""
        p = self.layout.views(np.zeros(self.layout.size))
        if self.segment:
            self.segment.initialize(p, rng)
        self.stack.initialize(p, rng, recurrent_init)
        self.decoder.initialize(p, rng, recurrent_init)
        # The linear maps start at zero: the network learns what they add to the states' forecast.
        return np.concatenate([view.ravel() for view in p.values()]).astype(dtype)

    def allocate(self, rows: int, dtype: np.dtype, for_backward: bool = True) -> SimpleNamespace:
        """Work space for `rows` windows: inputs, activations, gradients. Reused from batch to batch.

        Without `for_backward` the recurrent layers keep no gates: those of a step are overwritten by later ones, in
        the caches.
        """
        work = SimpleNamespace(
            x=empty((self.steps, rows, self.input_size), dtype),
            known=empty((rows * self.output_rows, self.known_size), dtype),
            stack=self.stack.allocate(
                self.recurrent_steps, rows, dtype, last_only=not self.decoder.every_step, for_backward=for_backward
            ),
            decoder=self.decoder.allocate(self.recurrent_steps, rows, dtype),
        )
        work.layers = work.stack.layers
        if self.segment:
            work.segment = self.segment.allocate(self.steps, rows, dtype)
        if self.linear:
            if not self.decoder.every_step:
                work.columns = empty((rows, self.steps * self.skip_channels), dtype)
            work.linear_out = empty((self.output_rows * rows, self.output_size), dtype)
        if self.known:
            work.known_out = empty((self.output_rows * rows, self.output_size), dtype)
        return work

    def start(self, work: SimpleNamespace, states: States) -> None:
        """Set the states before the first step of the next `forward`; fresh work space has zeros."""
        self.stack.start(work.stack, states)

    def final_states(self, work: SimpleNamespace) -> States:
        """States of all layers after the window; views of the work space."""
        return self.stack.final_states(work.stack)

    def forward(
        self, p: Views, work: SimpleNamespace, keys: np.ndarray | None = None, targets: np.ndarray | None = None
    ) -> np.ndarray:
        """Outputs (B, O), in step (T * B, O), for the windows in `work.x` and what is known ahead in `work.known`.

        Parameters
        ----------
        p : dict of str to ndarray
        work : SimpleNamespace
            From `allocate`; holds what `backward` needs afterwards.
        keys : (n_dropout_keys,) uint64, optional
            Train with dropout under these keys; without them every value is kept.
        targets : ndarray of the shape of the outputs, optional
            With them the decoder "seq2seq" reads targets where it would read its own outputs (teacher forcing);
            `backward` needs that. The others do not look at them.
        """
        y = self.segment.forward(p, work.x, work.segment) if self.segment else work.x
        skip = None
        if self.linear:
            work.linear_in = self._linear_input(work)
            self.linear.forward(p, work.linear_in, work.linear_out)
            skip = work.linear_out
        if self.known:
            self.known.forward(p, work.known, work.known_out)
            if skip is not None:
                work.known_out += skip
            skip = work.known_out
        n = self.stack.n_keys
        y = self.stack.forward(p, y, work.stack, None if keys is None else keys[:n])
        states = self.stack.final_states(work.stack) if self.decoder.reads_states else None
        own_keys = None if keys is None else keys[n:]
        return self.decoder.forward(p, y, states, skip, work.known, work.decoder, own_keys, targets)

    def _linear_input(self, work: SimpleNamespace) -> np.ndarray:
        """Rows that the linear map reads: whole windows, or in step what each step reads."""
        if self.decoder.every_step:
            return flat_rows(work.segment.folded if self.segment else work.x)
        run(steps_to_columns, work.x[:, :, : self.skip_channels], work.columns)
        return work.columns

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
        d_out : (B, O) read; in step (T * B, O)
        work, keys
            As given to `forward`.
        bptt_steps : int, optional
            Truncated backpropagation through time (Williams and Peng, 1990): go back through the last steps of the
            recurrent layers only; the states before them are constants. In step, where every step has a target: the
            window is cut into spans of so many steps, from its start, and no gradient goes from one to the span
            before. Default: through the whole window.
        """
        n = self.stack.n_keys
        own, decoders = (None, None) if keys is None else (keys[:n], keys[n:])
        if self.linear:
            self.linear.backward(g, work.linear_in, d_out)
        if self.known:
            self.known.backward(g, work.known, d_out)
        dy, d_states = self.decoder.backward(p, g, d_out, work.decoder, decoders)
        need_dx = self.segment is not None
        dy = self.stack.backward(p, g, dy, work.stack, own, self._spans(bptt_steps), need_dx, d_states)
        if self.segment:
            self.segment.backward(g, dy, work.segment)

    def _spans(self, bptt_steps: int | None) -> Spans:
        steps = self.recurrent_steps
        length = steps if bptt_steps is None else min(bptt_steps, steps)
        if self.decoder.every_step:
            return [(first, min(first + length, steps)) for first in range(0, steps, length)]
        return [(steps - length, steps)]
