"""A fitted estimator as a graph: the network in float32, and around it the units.

Those are in float64, so that a high level does not cost the digits of small changes.
"""

from collections.abc import Callable

import numpy as np

from tsrnn.forecasting.onnx.cells import Weights
from tsrnn.forecasting.onnx.layers import network_outputs
from tsrnn.forecasting.onnx.nodes import Graph
from tsrnn.forecasting.onnx.smoothing import smoothing_nodes
from tsrnn.forecasting.samples.normalization import Units
from tsrnn.forecasting.samples.streams import StreamUnits
from tsrnn.forecasting.shifts import LEAST_RECENT, beyond, lags, recent_values
from tsrnn.forecasting.smoothing import averaged, median_values
from tsrnn.kernels.smoothing import LARGEST_LOG
from tsrnn.kernels.windows import DIFFERENCE, LAST, MEAN, REVERTING, SCALE_FLOOR, SERIES, reverting
from tsrnn.network.inspection import directions
from tsrnn.network.network import Network


def rows_graph(
    network: Network,
    weights: Weights,
    x_units: tuple[np.ndarray, np.ndarray],
    y_units: tuple[np.ndarray, np.ndarray],
    flat_rows: bool,
    target_shape: tuple[int, ...],
) -> Graph:
    """Rows "X" to "prediction", both float64 and in the user's units.

    Parameters
    ----------
    network : Network
    weights : dict of str to ndarray
    x_units, y_units : pairs of ndarray
        Means and standard deviations of channels, and of outputs or of channels of targets.
    flat_rows : bool
        Rows (n, T * C) rather than (n, T, C).
    target_shape : tuple of int
        Of one row's prediction: () for (n,), (O,), or (P, C) where O = P * C; in step (T,) or (T, O).
    """
    graph = Graph()
    steps, channels = network.steps, network.input_size
    if flat_rows:
        x = graph.input("X", np.float64, "n", steps * channels)
        x = graph.add("Reshape", x, np.array([-1, steps, channels]))
    else:
        x = graph.input("X", np.float64, "n", steps, channels)
    x = graph.cast(graph.add("Div", graph.add("Sub", x, x_units[0]), x_units[1]), np.float32)
    out = graph.cast(network_outputs(graph, x, network, weights)[0], np.float64)
    out = graph.add("Reshape", out, np.array([0, -1, len(y_units[0])]))
    y = graph.add("Add", graph.add("Mul", out, y_units[1]), y_units[0])
    y = graph.add("Reshape", y, np.array([-1, *target_shape]))
    graph.output(y, "prediction", np.float64, "n", *target_shape)
    return graph


def windows_graph(
    network: Network,
    weights: Weights,
    units: Units,
    steps: int,
    smoothing_share: float,
    season: int,
    loss: str,
    usual: tuple[float, ...] | None,
) -> Graph:
    """Windows "y" to "forecast", both float64 and in the units of the series.

    Without smoothing windows are (n, lookback), and forecasts are those of the network, (n, outputs). Smoothing reads
    more: windows are (n, values), of any number of values from lookback on, and forecasts are (n, steps).

    Parameters
    ----------
    network : Network
    weights : dict of str to ndarray
    units : Units
        Of the one series.
    steps : int
        The horizon; where the network has one output, it is forecast value by value.
    smoothing_share : float
        Of exponential smoothing in the forecast.
    season : int
        Steps in a season.
    loss : str
        Fitted with: unless it is the squared error, smoothing forecasts series of rare events by a median.
    usual : tuple of float, or None
        What errors of the linear map are usual, see `tsrnn.forecasting.shifts.usual_errors`; where they are larger,
        smoothing has more than its share. None: never.
    """
    graph = Graph()
    if not smoothing_share:
        window = graph.input("y", np.float64, "n", network.steps)
        forecast = _bounded(graph, _after(graph, window, network, weights, units), units)
        graph.output(forecast, "forecast", np.float64, "n", network.output_size)
        return graph
    y = graph.input("y", np.float64, "n", "values")
    smoothed = smoothing_nodes(graph, y, network.steps, steps, season, median_values(season, loss))
    share = np.float64(smoothing_share)
    if usual:
        share = _share(graph, y, network, weights, units, share, season, usual)
    window = graph.add("Gather", y, np.arange(-network.steps, 0), axis=1)
    if network.output_size == steps:
        forecast = graph.compute(averaged, _after(graph, window, network, weights, units), smoothed, share)
        forecast = _bounded(graph, forecast, units)
    else:
        forecast = _value_by_value(graph, window, network, weights, units, smoothed, share)
    graph.output(forecast, "forecast", np.float64, "n", steps)
    return graph


def _after(graph: Graph, window: str, network: Network, weights: Weights, units: Units) -> str:
    """What the network forecasts (n, outputs) after windows (n, lookback)."""

    def outputs(x: str) -> str:
        x = graph.add("Reshape", x, np.array([-1, network.steps, 1]))
        return graph.cast(network_outputs(graph, x, network, weights)[0], np.float64)

    return _in_units(graph, window, units, outputs)


def _bounded(graph: Graph, forecast: str, units: Units) -> str:
    """As `Units.bounded`."""
    return graph.add("Max", forecast, np.float64(0)) if units.lowest[0, 0] == 0 else forecast


def _in_units(graph: Graph, window: str, units: Units, outputs: Callable[[str], str]) -> str:
    """What outputs of windows (n, lookback), in float32 and units of their own, are in those of the series."""
    if units.floor is not None:
        window = _to_log(graph, window, units.floor[0, 0])
    centre, scale = _measure(graph, window, units)
    x = graph.add("Div", graph.add("Sub", window, centre), scale)
    out = outputs(graph.cast(x, np.float32))
    forecast = graph.add("Add", centre, graph.add("Mul", scale, out))
    return forecast if units.floor is None else _from_log(graph, forecast, units.floor[0, 0])


def _share(
    graph: Graph,
    y: str,
    network: Network,
    weights: Weights,
    units: Units,
    share: np.float64,
    season: int,
    usual: tuple[float, ...],
) -> str:
    """Shares of smoothing (n, 1) after windows (n, T), as `tsrnn.forecasting.shifts.shifted_shares`."""
    steps, most, part = network.steps, recent_values(season), np.float64(0)
    ends = np.arange(-most, 0)
    weight, bias = (weights[f"linear.{kind}"][:1].astype(np.float64) for kind in ("weight", "bias"))
    length = graph.add("Gather", graph.add("Shape", y), np.array([1]))

    def with_before(values: int) -> str:
        """How many of the last values, `most` at most, have so many before them."""
        whole = graph.add("Sub", length, np.array([values]))
        return graph.add("Max", graph.add("Min", whole, np.array([most])), np.array([0]))

    def last(places: np.ndarray, count: str) -> str:
        places = graph.add("Slice", places, graph.add("Sub", np.array([most]), count), np.array([most]), np.array([0]))
        return graph.add("Gather", y, places, axis=1)

    def off(made: str, came: str) -> str:
        return graph.add("Abs", graph.add("Sub", made, came))

    def outputs(x: str) -> str:
        return graph.add("Add", graph.add("MatMul", graph.cast(x, np.float64), weight.T), bias)

    count = with_before(steps)
    windows, came = last(ends[:, None] + np.arange(-steps, 0), count), last(ends, count)
    made = _in_units(graph, graph.add("Reshape", windows, np.array([-1, steps])), units, outputs)
    own = off(graph.add("Reshape", made, graph.add("Shape", came), allowzero=1), came)
    for lag, expected in zip(lags(season), usual, strict=True):
        both = with_before(max(steps, lag))  # errors of the map, and of repeating a value
        errors = (
            graph.add("Slice", own, graph.add("Sub", count, both), count, np.array([1])),
            off(last(ends - lag, both), last(ends, both)),
        )
        lost = graph.compute(beyond, *(graph.add("ReduceSum", e, np.array([1]), keepdims=1) for e in errors), expected)
        told = graph.add("Greater", both, np.int64(LEAST_RECENT - 1))
        part = graph.add("Max", part, graph.add("Where", told, lost, np.float64(0)))
    return graph.compute(averaged, share, np.float64(1), graph.add("Min", part, np.float64(1)))


def _value_by_value(
    graph: Graph, window: str, network: Network, weights: Weights, units: Units, smoothed: str, share: str
) -> str:
    """Forecasts (n, steps) by a network that forecasts one value, and reads it on after it is averaged."""
    step = Graph(around=graph)
    before, smoothed_t = (
        step.input("window", np.float64, "n", network.steps),
        step.input("smoothed", np.float64, "n", 1),
    )
    value = step.compute(averaged, _after(step, before, network, weights, units), smoothed_t, share)
    value = _bounded(step, value, units)
    newer = step.add("Gather", before, np.arange(1, network.steps), axis=1)
    step.output(step.add("Concat", newer, value, axis=1), "window_next", np.float64, "n", network.steps)
    step.output(value, "value", np.float64, "n", 1)
    by_step = graph.add("Unsqueeze", graph.add("Transpose", smoothed, perm=[1, 0]), np.array([2]))
    _, values = graph.add("Scan", window, by_step, n_outputs=2, body=step.proto(), num_scan_inputs=1)
    return graph.add("Transpose", graph.add("Squeeze", values, np.array([2])), perm=[1, 0])


def _to_log(graph: Graph, y: str, floor: np.float64) -> str:
    """As `tsrnn.forecasting.samples.normalization.to_log`."""
    low = graph.add("Add", floor, graph.add("Mul", graph.add("Max", y, np.float64(0)), np.float64(0.5)))
    return graph.add("Log", graph.add("Where", graph.add("Less", y, 2 * floor), low, y))


def _from_log(graph: Graph, logs: str, floor: np.float64) -> str:
    """As `tsrnn.forecasting.samples.normalization.from_log`."""
    values = graph.add("Exp", graph.add("Min", logs, np.float64(LARGEST_LOG)))
    low = graph.add("Max", graph.add("Mul", graph.add("Sub", values, floor), np.float64(2)), np.float64(0))
    return graph.add("Where", graph.add("Less", values, 2 * floor), low, values)


def _measure(graph: Graph, window: str, units: Units) -> tuple:
    """Centre and scale of each window, as `tsrnn.kernels.windows.centre_and_scale` takes them."""
    if units.centring == SERIES:
        return units.centre[0, 0], units.scale[0, 0]
    centre = None
    if units.centring != MEAN:
        centre = graph.add("Gather", window, np.array([-1]), axis=1)
    if units.centring == DIFFERENCE:
        return centre, units.scale[0, 0]
    if units.centring == REVERTING:
        return graph.compute(reverting, centre, units.centre[0, 0]), units.scale[0, 0]
    mean = graph.add("ReduceMean", window, axes=[1], keepdims=1)
    off = graph.add("Sub", window, mean)
    deviation = graph.add("Sqrt", graph.add("ReduceMean", graph.add("Mul", off, off), axes=[1], keepdims=1))
    scale = graph.add("Add", deviation, SCALE_FLOOR * units.scale[0, 0])
    return centre or mean, scale


def stream_graph(network: Network, weights: Weights, units: StreamUnits) -> Graph:
    """The next values "y" of streams and their states before, to "forecast" and their states after.

    "y" is (n, 1 + T * segment), float64: the value before the first step, then those of any number of steps, T. The
    states of layer k are "h_l{k}" (and an LSTM's "c_l{k}"), (n, H), float32, those after it "h_l{k}_next". "forecast"
    is (n, outputs), float64: what follows the last value.
    """
    graph = Graph()
    segment = network.segment_length
    y = graph.input("y", np.float64, "n", "values")
    layers = [directions(layer)["forward"] for layer in network.layers]
    names = [[f"{name}_l{k}" for name in layer.cell.memory[: layer.cell.n_states]] for k, layer in enumerate(layers)]
    states = [
        [graph.input(name, np.float32, "n", layer.hidden_size) for name in own]
        for own, layer in zip(names, layers, strict=True)
    ]
    values = graph.add("Slice", y, np.array([1]), np.array([np.iinfo(np.int64).max]), np.array([1]))
    values = graph.add("Reshape", values, np.array([0, -1, segment]))
    before = last = np.float64(units.centre)
    if units.centring == LAST:
        before = graph.add("Slice", y, np.array([0]), np.array([-1]), np.array([1]), np.array([segment]))
        before = graph.add("Unsqueeze", before, np.array([2]))
        last = graph.add("Gather", y, np.array([-1]), axis=1)
    x = graph.add("Div", graph.add("Sub", values, before), np.float64(units.scale))
    x = graph.add("Reshape", graph.cast(x, np.float32), np.array([0, -1, 1]))
    start = [[graph.add("Unsqueeze", state, np.array([0])) for state in own] for own in states]
    out, after = network_outputs(graph, x, network, weights, start)
    out = graph.cast(graph.add("Gather", out, np.int64(-1), axis=1), np.float64)
    forecast = graph.add("Add", last, graph.add("Mul", np.float64(units.scale), out))
    graph.output(forecast, "forecast", np.float64, "n", network.output_size)
    for own, new, layer in zip(names, after, layers, strict=True):
        for name, state in zip(own, new, strict=True):
            state = graph.add("Squeeze", state, np.array([0]))
            graph.output(state, f"{name}_next", np.float32, "n", layer.hidden_size)
    return graph
