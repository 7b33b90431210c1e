"""Recurrent layers one above the other."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.devices import empty
from tsrnn.network.bidirectional import Bidirectional
from tsrnn.network.layers import Dropout, LayerNorm, Spans, Views
from tsrnn.network.recurrent import Recurrent
from tsrnn.network.residual import Residual

States = list[list[np.ndarray]]
"""For each layer its states (B, H), h first."""


class Stack:
    """Recurrent layers one above the other; each reads what the one below puts out.

    Parameters
    ----------
    cell : str
        A key of `tsrnn.network.cells.CELLS`.
    input_size : int
    sizes : tuple of int
        Units of each layer, of each direction if there are two.
    bidirectional, residual, layer_norm : bool
    dropout, recurrent_dropout : float
        As `tsrnn.network.network.Network` describes them.
    prefix : str
        Set before the names of all parameters.

    Attributes
    ----------
    layers : list of Recurrent, Bidirectional or Residual
    n_keys : int
        Keys that `forward` wants while training: first those of dropout, one a layer, then those of recurrent dropout.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        sizes: tuple[int, ...],
        *,
        bidirectional: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        prefix: str,
    ):
        kind = Bidirectional if bidirectional else Recurrent
        self.input_size = width = input_size
        self.layers, self.norms = [], []
        for k, size in enumerate(sizes):
            layer = kind(cell, width, size, prefix, f"_l{k}", recurrent_dropout)
            self.layers.append(Residual(layer, prefix, f"_l{k}") if residual and k else layer)
            width = layer.output_size
            if layer_norm:
                self.norms.append(LayerNorm(width, prefix, f"_l{k}"))
        self.output_size = width
        self.dropout = Dropout(dropout) if dropout else None
        self._n_dropped = len(sizes) if dropout else 0
        edges = self._n_dropped + np.cumsum([0, *(layer.n_keys for layer in self.layers)])
        self._recurrent_keys = [slice(*pair) for pair in pairwise(edges.tolist())]
        self.n_keys = int(edges[-1])

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: shape for part in (*self.layers, *self.norms) for name, shape in part.shapes().items()}

    def initialize(self, p: Views, rng: np.random.Generator, recurrent_init: str) -> None:
        for layer in self.layers:
            layer.initialize(p, rng, recurrent_init)
        for norm in self.norms:
            norm.initialize(p)

    def allocate(
        self, steps: int, rows: int, dtype: np.dtype, last_only: bool, for_backward: bool = True
    ) -> SimpleNamespace:
        """Work space for sequences of `steps`; with `last_only` the top layer hands on its last output alone."""
        layers = [layer.allocate(steps, rows, dtype, for_backward) for layer in self.layers]
        work = SimpleNamespace(last_only=last_only, steps=steps, layers=layers)
        handed_on = [steps] * (len(self.layers) - 1) + [1 if last_only else steps]
        work.norms = [norm.allocate(n, rows, dtype) for norm, n in zip(self.norms, handed_on, strict=False)]
        work.dropped = [
            empty((n, rows, layer.output_size), dtype)
            for layer, n in zip(self.layers, handed_on, strict=True)
            if self.dropout
        ]
        return work

    def start(self, work: SimpleNamespace, states: States) -> None:
        """Set the states of all layers before the first step; fresh work space has zeros."""
        for layer, space, own in zip(self.layers, work.layers, states, strict=True):
            layer.start(space, own)

    def final_states(self, work: SimpleNamespace) -> States:
        """States of all layers after the last step; views of the work space."""
        return [layer.final_states(space) for layer, space in zip(self.layers, work.layers, strict=True)]

    def initial_gradients(self, work: SimpleNamespace) -> States:
        """Gradients of the states before the first step, after `backward` through all steps."""
        return [layer.initial_gradients(space) for layer, space in zip(self.layers, work.layers, strict=True)]

    def forward(self, p: Views, x: np.ndarray, work: SimpleNamespace, keys: np.ndarray | None = None) -> np.ndarray:
        """Outputs (T, B, D) of the top layer for `x` (T, B, I), or (1, B, D) if the work space says so."""
        work.inputs = []
        y = x
        for k, layer in enumerate(self.layers):
            work.inputs.append(y)
            own = None if keys is None else keys[self._recurrent_keys[k]]
            y = layer.forward(p, y, work.layers[k], own)
            if work.last_only and layer is self.layers[-1]:
                y = layer.final(y)
            if self.norms:
                y = self.norms[k].forward(p, y, work.norms[k])
            if keys is not None and self.dropout:
                self.dropout.apply(y, work.dropped[k], keys[k], first_step=work.steps - len(y))
                y = work.dropped[k]
        return y

    def backward(
        self,
        p: Views,
        g: Views,
        dy: np.ndarray,
        work: SimpleNamespace,
        keys: np.ndarray | None,
        spans: Spans,
        need_dx: bool,
        d_states: States | None = None,
    ) -> np.ndarray | None:
        """Gradients within the spans, from those of the outputs.

        Parameters
        ----------
        p, g : dict of str to ndarray
        dy : (T, B, D) or (1, B, D) overwritten
            Gradients of what `forward` returned.
        work, keys
            As given to `forward`.
        spans : list of (int, int)
            See `Recurrent.backward`.
        need_dx : bool
        d_states : list of lists of (B, D), optional
            Further gradients of `final_states`.

        Returns
        -------
        (T - first, B, I) or (T, B, I) gradient of the last inputs, or None
        """
        for k in reversed(range(len(self.layers))):
            if keys is not None and self.dropout:
                self.dropout.apply(dy, dy, keys[k], first_step=work.steps - len(dy))
            if self.norms:
                dy = self.norms[k].backward(p, g, dy, work.norms[k])
            own = None if d_states is None else d_states[k]
            dy = self.layers[k].backward(p, g, work.inputs[k], dy, work.layers[k], spans, k > 0 or need_dx, own)
        return dy
