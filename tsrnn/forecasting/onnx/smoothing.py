"""Exponential smoothing as nodes of an ONNX graph, in float64: it computes what `tsrnn.kernels.smoothing` does.

The formulas are those of the kernels; their loops are restated here, for windows without missing values, and tested
against `predict`. The methods, M, lie side by side; all windows of a batch, n, take their steps together.
"""

import numpy as np

from tsrnn.forecasting.onnx.nodes import Graph, either
from tsrnn.forecasting.smoothing import METHODS, WITHOUT_SEASON, smoothed_values
from tsrnn.kernels.smoothing import (
    LARGEST_LOG,
    LEAST_SHARE,
    LEAST_SQUARE,
    MOST_POWER,
    POWER_OF_ERROR,
    RARE,
    RARE_AFTER,
    RISE_FROM,
    beyond_after,
    beyond_rare,
    correct,
    drift,
    lag_behind,
    mean_size,
    merit,
    off_line,
    rise_of,
    smooth,
)

REST = np.array([np.iinfo(np.int64).max])  # where a slice ends that takes all the rest


def smoothing_nodes(graph: Graph, y: str, least_length: int, steps: int, season: int, middle: int) -> str:
    """What follows windows, as `tsrnn.forecasting.smoothing.smoothing_forecasts` forecasts it.

    Parameters
    ----------
    graph : Graph
    y : str
        Windows (n, T), float64, of any length T that is not below `least_length`.
    least_length, steps, season : int
    middle : int
        Values whose median is forecast after windows of rare events; 0 to smooth these as well.

    Returns
    -------
    str
        (n, steps), float64.
    """
    y = graph.add("Slice", y, np.array([-smoothed_values(season)]), REST, np.array([1]))
    least, mean = (graph.add(operator, y, axes=[1], keepdims=1) for operator in ("ReduceMin", "ReduceMean"))
    high = graph.add("GreaterOrEqual", least, graph.compute(lambda mean: LEAST_SHARE * mean, mean))
    logs = graph.add("And", graph.add("Greater", least, np.float64(0)), high)
    window = graph.add("Where", logs, graph.add("Log", graph.add("Where", logs, y, np.float64(1))), y)

    def plain(inside: Graph) -> str:
        return _smooth_window(inside, window, 1, METHODS[:, :WITHOUT_SEASON], steps)

    def seasonal(inside: Graph) -> str:
        return _smooth_window(inside, window, season, METHODS, steps)

    if season == 1:
        found = plain(graph)
    elif least_length > season:
        found = seasonal(graph)
    else:  # within the first season no error tells whether there is one
        length = graph.add("Gather", graph.add("Shape", window), np.int64(1))
        known = graph.add("Greater", length, np.int64(season))
        found = either(graph, known, seasonal, plain, steps)
    values = graph.add("Exp", graph.add("Min", found, np.float64(LARGEST_LOG)))
    found = graph.add("Where", logs, values, found)
    return graph.add("Where", _is_rare(graph, y, season), _median(graph, y, middle), found) if middle else found


def _is_rare(graph: Graph, window: str, season: int) -> str:
    """As the kernel, of windows (n, T): (n, 1)."""
    zero = graph.cast(graph.add("Equal", window, np.float64(0)), np.float64)
    known = graph.cast(graph.add("Gather", graph.add("Shape", window), np.int64(1)), np.float64)

    def total(summand: str) -> str:
        return graph.add("ReduceSum", summand, np.array([1]), keepdims=1)

    def not_below_zero(value: str) -> str:
        return graph.add("GreaterOrEqual", value, np.float64(0))

    zeros, told = total(zero), np.False_
    rare = not_below_zero(graph.compute(beyond_rare, zeros, known, RARE))
    for lag in {1, season}:
        later = graph.add("Slice", zero, np.array([lag]), REST, np.array([1]))
        earlier = graph.add("Slice", zero, np.array([0]), np.array([-lag]), np.array([1]))
        other = graph.compute(lambda earlier: 1 - earlier, earlier)
        after, zeros_after = total(other), total(graph.compute(lambda later, other: later * other, later, other))
        beyond = graph.compute(beyond_after, zeros_after, after, zeros, known, RARE_AFTER)
        rare = graph.add("And", rare, not_below_zero(beyond))
        told = graph.add("Or", told, graph.add("Greater", after, np.float64(0)))
    return graph.add("And", rare, told)


def _median(graph: Graph, y: str, middle: int) -> str:
    """Of the last so many values of windows (n, T): (n, 1)."""
    last = graph.add("Slice", y, np.array([-middle]), REST, np.array([1]))
    size = graph.add("Gather", graph.add("Shape", last), np.array([1]))
    ordered, _ = graph.add("TopK", last, size, axis=1, largest=0, sorted=1, n_outputs=2)
    high, low = (graph.add("Div", graph.add("Sub", size, np.int64(less)), np.int64(2)) for less in (0, 1))
    pair = (graph.add("Gather", ordered, place, axis=1) for place in (high, low))
    return graph.compute(lambda high, low: 0.5 * (high + low), *pair)


def _smooth_window(graph: Graph, window: str, season: int, methods: np.ndarray, steps: int) -> str:
    """As the kernel `smooth_window`: forecasts (n, steps) of what follows windows (n, T) of more than a season."""
    window = graph.add("Unsqueeze", graph.add("Transpose", window, perm=[1, 0]), np.array([2]))  # (T, n, 1)
    first = graph.add("Slice", window, np.array([0]), np.array([season]), np.array([0]))
    mean = graph.add("ReduceMean", first, axes=[0], keepdims=0)
    slope = _straight_line(graph, window, mean)
    rows = graph.add("Gather", graph.add("Shape", window), np.array([1]))
    shape = graph.add("Concat", rows, np.array([methods.shape[1]]), axis=0)
    zeros = graph.add("Expand", np.float64(0), shape)
    following = graph.add("Slice", window, np.array([season]), REST, np.array([0]))
    errors = graph.add("Gather", graph.add("Shape", following), np.array([0]))
    rise, half = _rise(graph, window, following, errors, season), 0.5 * (season - 1)
    steps_off = (np.arange(season) - half)[:, None, None]
    off = graph.compute(off_line, first, mean, rise, steps_off)
    seasons = graph.compute(lambda share, off: share * off, methods[5], off)
    level = graph.compute(lambda mean, rise: mean + rise * half, mean, rise)
    states = [graph.add("Expand", level, shape), zeros, np.ones(methods.shape[1]), zeros, zeros, seasons]
    level, trend, lag, squares, _, seasons = _take_in(graph, following, slope, season, methods, states)
    power = MOST_POWER
    if season > 1:
        power = graph.compute(lambda errors: POWER_OF_ERROR * errors, graph.cast(errors, np.float64))
        power = graph.add("Min", MOST_POWER, power)
    least = graph.add("ReduceMin", squares, axes=[1], keepdims=1)
    weight = graph.compute(merit, squares, least, LEAST_SQUARE, power)
    seasons = graph.add("Gather", seasons, np.arange(steps) % season, axis=0)
    total = _forecast_on(graph, slope, methods, [level, trend], lag, seasons, weight, steps)
    return graph.add("Div", total, graph.add("ReduceSum", weight, np.array([1]), keepdims=1))


def _rise(graph: Graph, window: str, following: str, n_following: str, season: int) -> str:
    """Rise (n, 1) of a step, by the changes from values (T, n, 1) of the first season to those that follow it."""
    count = graph.add("Min", n_following, np.array([-(-season // RISE_FROM)]))
    later, earlier = (graph.add("Slice", values, np.array([0]), count, np.array([0])) for values in (following, window))
    changes = graph.compute(lambda later, earlier: later - earlier, later, earlier)
    changes = graph.add("ReduceSum", changes, np.array([0]), keepdims=0)
    count = graph.compute(lambda count: count + 1, graph.cast(count, np.float64))  # one of zero
    return graph.compute(rise_of, changes, count, season)


def _straight_line(graph: Graph, window: str, centre: str) -> str:
    """As the kernel: slope (n, 1) of the least-squares line through windows (T, n, 1); 0 of a single value."""
    size = graph.add("Gather", graph.add("Shape", window), np.int64(0))
    count = graph.add("Range", np.int64(0), size, np.int64(1))
    time = graph.compute(lambda t, size: t - 0.5 * (size - 1), *(graph.cast(x, np.float64) for x in (count, size)))
    time = graph.add("Reshape", time, np.array([-1, 1, 1]))
    mixed = graph.compute(lambda time, value, centre: time * (value - centre), time, window, centre)
    squares = graph.compute(lambda time: time * time, time)
    mixed, squares = (graph.add("ReduceSum", summand, np.array([0]), keepdims=0) for summand in (mixed, squares))
    return graph.add("Div", mixed, graph.add("Max", squares, np.float64(0.5)))  # 0.5 is that of two values


def _take_in(
    graph: Graph, values: str, slope: str, season: int, methods: np.ndarray, states: list[str | np.ndarray]
) -> list[str]:
    """As the kernel, for values (T, n, 1) one after the other: a Loop, since a Scan of no value at all fails.

    States before and after: level, trend (n, M), lag (M,), squares, sizes (n, M) and seasons (season, n, M), of which
    the first is always that of the next step.
    """
    level_share, trend_share, season_share, damping, slope_share, _ = methods
    size = methods.shape[1]
    step = Graph(around=graph)
    t, go_on = step.input("t", np.int64), step.input("go_on", np.bool_)
    level, trend = (step.input(name, np.float64, "n", size) for name in ("level", "trend"))
    lag = step.input("lag", np.float64, size)
    squares, sizes = (step.input(name, np.float64, "n", size) for name in ("squares", "sizes"))
    seasons = step.input("seasons", np.float64, season, "n", size)
    value, seasonal = step.add("Gather", values, t, axis=0), step.add("Gather", seasons, np.int64(0), axis=0)
    level, trend, forecast = step.compute(smooth, level, trend, seasonal, damping)
    error = step.compute(lambda value, forecast: value - forecast, value, forecast)
    missed = step.compute(lambda error, drift: error - drift, error, step.compute(drift, slope, slope_share, lag))
    squares = step.compute(lambda squares, missed: squares + missed * missed, squares, missed)
    error_size = step.add("Abs", error)
    count = step.compute(lambda t: t + 1, step.cast(t, np.float64))
    most = step.compute(mean_size, sizes, error_size, count)
    held = step.add("Max", step.add("Neg", most), step.add("Min", most, error))
    level, trend, seasonal = step.compute(
        correct, error, held, level, trend, seasonal, level_share, trend_share, season_share
    )
    others = step.add("Slice", seasons, np.array([1]), REST, np.array([0]))
    seasons = step.add("Concat", others, step.add("Unsqueeze", seasonal, np.array([0])), axis=0)
    step.output(go_on, "go_on_next", np.bool_)
    step.output(level, "level_next", np.float64, "n", size)
    step.output(trend, "trend_next", np.float64, "n", size)
    step.output(step.compute(lag_behind, lag, level_share, 1.0), "lag_next", np.float64, size)
    step.output(squares, "squares_next", np.float64, "n", size)
    step.output(step.add("Add", sizes, error_size), "sizes_next", np.float64, "n", size)
    step.output(seasons, "seasons_next", np.float64, season, "n", size)
    steps = graph.add("Gather", graph.add("Shape", values), np.int64(0))
    return graph.add("Loop", steps, "", *states, n_outputs=len(states), body=step.proto())


def _forecast_on(
    graph: Graph,
    slope: str,
    methods: np.ndarray,
    states: list[str],
    lag: str,
    seasons: str,
    weight: str,
    steps: int,
) -> str:
    """As the kernel, for all steps: weighted sums (n, steps) of the methods' forecasts."""
    damping, slope_share = methods[3], methods[4]
    size = methods.shape[1]
    step = Graph(around=graph)
    level, trend = (step.input(name, np.float64, "n", size) for name in ("level", "trend"))
    ahead, seasonal = step.input("ahead", np.float64), step.input("seasonal", np.float64, "n", size)
    level, trend, forecast = step.compute(smooth, level, trend, seasonal, damping)
    behind = step.compute(lambda ahead, lag: ahead + lag, ahead, lag)
    added = step.compute(drift, slope, slope_share, behind)
    weighted = step.compute(lambda weight, forecast, added: weight * (forecast + added), weight, forecast, added)
    step.output(level, "level_next", np.float64, "n", size)
    step.output(trend, "trend_next", np.float64, "n", size)
    step.output(step.add("ReduceSum", weighted, np.array([1]), keepdims=0), "total", np.float64, "n")
    ahead = np.arange(steps, dtype=np.float64)
    *_, total = graph.add("Scan", *states, ahead, seasons, n_outputs=3, body=step.proto(), num_scan_inputs=2)
    return graph.add("Transpose", total, perm=[1, 0])
