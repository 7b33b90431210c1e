"""Pictures of the inside of a model. matplotlib is imported when one is drawn."""

import numpy as np
import pandas as pd

from tsrnn.evaluation.displays import OBSERVED, drawing_axes, drawing_figure, plain, positions, tick_dates
from tsrnn.forecasting.checks import check_option
from tsrnn.network.inspection import directions

CANDIDATES = ("g", "n")  # what a gate lets in: from -1 to 1, all other gates from 0 to 1
# Okabe and Ito (2008), Color Universal Design; markers and dashes tell the lines apart as well.
COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333")
DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
ROWS_LABELLED = 8


class GateDisplay:
    """One gate of all units of a layer, over the steps of a window, below the series that the layer reads.

    Parameters
    ----------
    series : Series of shape (n_timepoints,) or DataFrame of shape (n_timepoints, n_channels)
        The window.
    gates : DataFrame of shape (n_steps, n_units)
        A column for each unit. Its rows have stamps of `series`, each the last one of what its step reads.
    name : str
        Of the gate: it labels the colours.
    time_constants : Series of shape (n_units,), optional
        Steps after which each unit forgets. Units are drawn in this order, the longest memory at the top; without
        it, in the order of their mean gates.

    Attributes
    ----------
    series, gates, name, time_constants
        As given.
    order : ndarray of shape (n_units,)
        Units from the bottom to the top of the picture.
    figure_ : matplotlib.figure.Figure
        After `plot`.
    axes_ : ndarray of shape (2,), matplotlib.axes.Axes
        After `plot`: of the series, and of the gate.
    colorbar_ : matplotlib.colorbar.Colorbar
        After `plot`.

    Examples
    --------
    >>> from tsrnn import RNNForecaster
    >>> from tsrnn.datasets import load_airpassengers
    >>> from tsrnn.evaluation.gate_displays import GateDisplay
    >>> model = RNNForecaster(cell="lstm", hidden_size=8, max_steps=50, random_state=0).fit(load_airpassengers())
    >>> display = GateDisplay.from_estimator(model, gate="f").plot()
    >>> display.axes_[0].get_ylabel()
    'passengers'
    """

    def __init__(self, series, gates, *, name, time_constants=None):
        self.series = series
        self.gates = gates
        self.name = name
        self.time_constants = time_constants
        key = gates.mean() if time_constants is None else time_constants
        self.order = key.sort_values(kind="stable").index.to_numpy()

    @classmethod
    def from_estimator(cls, model, y=None, *, x=None, gate=None, layer=0, direction="forward"):
        """Look into a fitted model while it reads a window.

        Parameters
        ----------
        model : RNNForecaster or RNNRegressor
        y : Series, optional
            For a forecaster, as for its `inspect_gates`: its last values are the window; default: the last window of
            the series fitted.
        x : array-like of shape (n_steps, n_channels), optional
            For a regressor, in place of `y`: the sequence.
        gate : str, optional
            "i", "f", "g" or "o" of an LSTM, "r", "z" or "n" of a GRU. Default: the one that keeps the old state, an
            LSTM's "f" and a GRU's "z".
        layer : int, default=0
        direction : {"forward", "backward"}, default="forward"

        Returns
        -------
        GateDisplay
            Units are ordered by the time constant of the gate that keeps the old state, its harmonic mean over the
            window: the memory left of the state before the window is exp(-n_steps / time_constant). To be drawn by
            `plot`.

        Raises
        ------
        ValueError
            For a gate that the cell does not have, and as `inspect_gates`.
        """
        window = y if x is None else x
        inside = model.inspect_gates(window, layer=layer, direction=direction)
        cell = directions(model.network_.layers[layer])[direction].cell
        if not cell.keep_gate:
            raise ValueError(f"a model with cell={model.network_.cell!r} has no gates to display")
        gate = cell.keep_gate if gate is None else gate
        check_option("gate", gate, cell.gates)
        constants = (1 / (1 / inside["time_constant"]).mean()).rename("time_constant")
        return cls(model.inspected_window(window), inside[gate], name=gate, time_constants=constants)

    def plot(self, *, figure=None, limits=None):
        """Draw.

        Parameters
        ----------
        figure : matplotlib.figure.Figure or SubFigure, optional
            Where to draw; default: a new figure, which needs no display and is not kept by pyplot.
        limits : tuple of float, optional
            Values at both ends of the colours; default: 0 and 1, and for the candidates g and n -1 and 1.

        Returns
        -------
        self

        Raises
        ------
        ModuleNotFoundError
            Without matplotlib.
        """
        self.figure_ = figure = drawing_figure(figure)
        self.axes_ = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
        self._plot_series(self.axes_[0])
        self._plot_gates(self.axes_[1], limits)
        figure.align_ylabels(self.axes_)
        return self

    def _plot_series(self, ax) -> None:
        channels = self.series.to_frame() if isinstance(self.series, pd.Series) else self.series
        few = {"marker": ".", "markersize": 4} if len(channels) <= 120 else {}
        colors = (OBSERVED,) if channels.shape[1] == 1 else COLORS
        for k, (name, values) in enumerate(channels.items()):
            color = colors[k % len(colors)]
            ax.plot(positions(channels.index), values, color=color, linewidth=1.3, label=f"channel {name}", **few)
        if channels.shape[1] > 1:
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, borderaxespad=0.2)
        name = getattr(self.series, "name", None)
        ax.set_ylabel(str(name) if name is not None else "value")
        plain(ax)
        ax.tick_params(axis="x", length=0)

    def _plot_gates(self, ax, limits) -> None:
        index, n_units = self.series.index, len(self.order)
        signed = self.name in CANDIDATES
        low, high = limits or (-1 if signed else 0, 1)
        mesh = ax.pcolormesh(
            self._edges(),
            np.arange(n_units + 1),
            self.gates[self.order].to_numpy().T,
            cmap="PuOr" if signed else "viridis",
            vmin=low,
            vmax=high,
            rasterized=True,
        )
        rows = np.unique(np.linspace(0, n_units - 1, min(n_units, ROWS_LABELLED)).round().astype(int))
        ax.set_yticks(rows + 0.5, self.order[rows])
        ax.set_ylabel("unit")
        ax.set_xlabel(str(index.name or "time"))
        if isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
            tick_dates(ax, index)
        else:
            ax.xaxis.get_major_locator().set_params(integer=True)
        sides, offset = [ax], 1.02
        if self.time_constants is not None:
            right = ax.twinx()
            right.set_ylim(ax.get_ylim())
            right.set_yticks(rows + 0.5, [_three_digits(self.time_constants[unit]) for unit in self.order[rows]])
            right.set_ylabel("time constant, in steps")
            sides, offset = [ax, right], 1.12
        for side in sides:
            side.tick_params(axis="y", length=0)
            side.spines[:].set_visible(False)
        # Within the axes' own margin: a colour bar that took its room would put the time axes out of line.
        label = f"{'candidate' if signed else 'gate'} {self.name}"
        self.colorbar_ = self.figure_.colorbar(mesh, cax=ax.inset_axes((offset, 0, 0.02, 1)), label=label)
        self.colorbar_.outline.set_visible(False)

    def _edges(self) -> np.ndarray:
        """Between the values that one step reads and those of the next, on the axis of time."""
        from matplotlib.dates import date2num

        where = positions(self.series.index)
        where = date2num(where) if np.issubdtype(where.dtype, np.datetime64) else where.astype(np.float64)
        middles = (where[1:] + where[:-1]) / 2
        half = (where[1] - where[0]) / 2 if len(where) > 1 else 0.5
        edges = np.concatenate([[where[0] - half], middles, [where[-1] + half]])
        return np.append(edges[0], edges[self.series.index.get_indexer(self.gates.index) + 1])


def _three_digits(value: float) -> str:
    return f"{value:#.3g}".rstrip(".")


class GradientFlowDisplay:
    """Norm of the gradient with respect to the state of each step, by lag, of several models on one scale.

    Parameters
    ----------
    flows : dict of str to DataFrame
        What `gradient_flow` returns, by the name of the model.

    Attributes
    ----------
    flows : dict of str to DataFrame
        As given.
    figure_ : matplotlib.figure.Figure
        After `plot`.
    ax_ : matplotlib.axes.Axes
        After `plot`.

    Examples
    --------
    >>> from tsrnn import RNNForecaster
    >>> from tsrnn.datasets import load_airpassengers
    >>> from tsrnn.evaluation.gate_displays import GradientFlowDisplay
    >>> models = {
    ...     cell: RNNForecaster(cell=cell, hidden_size=8, max_steps=50, random_state=0).fit(load_airpassengers())
    ...     for cell in ("rnn", "lstm", "gru")
    ... }
    >>> display = GradientFlowDisplay.from_estimators(models).plot()
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['rnn', 'lstm', 'gru']
    """

    def __init__(self, flows):
        self.flows = flows

    @classmethod
    def from_estimators(cls, models, y=None, *, x=None):
        """Send the gradient back through fitted models.

        Parameters
        ----------
        models : dict of str to RNNForecaster or RNNRegressor
            By the names in the legend.
        y : Series, optional
            For forecasters, as for `gradient_flow`. For regressors: the target of `x`.
        x : array-like of shape (n_steps, n_channels), optional
            For regressors: the sequence.

        Returns
        -------
        GradientFlowDisplay
            To be drawn by `plot`.

        Raises
        ------
        ValueError
            Without a model, and as `gradient_flow`.
        """
        if not models:
            raise ValueError("models must hold at least one fitted model, got none")
        sample = (y,) if x is None else (x, y)
        return cls({name: model.gradient_flow(*sample) for name, model in models.items()})

    def plot(self, *, ax=None, relative=False):
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; default: a new figure, which needs no display and is not kept by pyplot.
        relative : bool, default=False
            Divide each curve by its value at lag 0, so that models with losses of different size start from 1.

        Returns
        -------
        self

        Raises
        ------
        ModuleNotFoundError
            Without matplotlib.
        """
        self.ax_ = ax = drawing_axes(ax)
        self.figure_ = ax.figure
        steps = max(map(len, self.flows.values()))
        for k, (name, flow) in enumerate(self.flows.items()):
            for n, (place, norm) in enumerate(flow.items()):
                norm = norm.where(norm > 0)  # a zero has no place on the scale
                ax.plot(
                    flow.index,
                    norm / norm.loc[0] if relative else norm,
                    color=COLORS[k % len(COLORS)],
                    linestyle=DASHES[n % len(DASHES)],
                    linewidth=1.6,
                    marker=MARKERS[k % len(MARKERS)],
                    markersize=4,
                    markevery=max(1, steps // 12),
                    label=self._label(str(name), *place),
                )
        ax.set_yscale("log")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel("lag: steps before the last")
        relation = ", relative to lag 0" if relative else ""
        ax.set_ylabel(r"$\|\,\partial\,\mathrm{loss}\,/\,\partial h_t\,\|$" + relation)
        plain(ax)
        ax.margins(x=0.01)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)
        return self

    def _label(self, name: str, layer, direction: str) -> str:
        """The model, and of its layers and directions what tells them apart."""
        columns = self.flows[name].columns
        parts = [name]
        if columns.get_level_values("layer").nunique() > 1:
            parts.append(f"layer {layer}")
        if columns.get_level_values("direction").nunique() > 1:
            parts.append(str(direction))
        return ", ".join(parts)
