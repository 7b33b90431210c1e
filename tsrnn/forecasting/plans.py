"""How a series is laid out for training and read for a forecast: as windows, or as streams that carry their state."""

import math
from dataclasses import dataclass, replace

import numpy as np

from tsrnn.forecasting.defaults import Choices, is_long
from tsrnn.forecasting.effects import Effects, learn_effects
from tsrnn.forecasting.samples.normalization import LOG, Units
from tsrnn.forecasting.samples.streams import (
    MOST_STREAMS,
    STREAM_CENTRINGS,
    Carried,
    Reader,
    SeriesStreams,
    StreamUnits,
    n_origins,
    n_streams,
    reach,
)
from tsrnn.forecasting.samples.windows import SeriesWindows, Table
from tsrnn.forecasting.series.covariates import (
    Covariates,
    has_columns,
    learnt_history,
    past_names,
    same_values,
    with_calendar,
    with_history,
)
from tsrnn.forecasting.series.panel import SINGLE, Panel
from tsrnn.forecasting.series.timeindex import name_stamps
from tsrnn.forecasting.series.yearly import calendar_of_year
from tsrnn.forecasting.shifts import values_seen
from tsrnn.forecasting.smoothing import smoothed_values
from tsrnn.forecasting.warmstart import check_same_units
from tsrnn.training.passes import Samples


@dataclass(frozen=True)
class Plan:
    """What a fit needs to know of the series.

    Attributes
    ----------
    steps : int
        Values that the network reads at once: a window, or a part of a stream.
    training : Samples
    validation : Samples or None
    units : Units or list of StreamUnits
        In the second case one for each series.
    """

    steps: int
    training: Samples
    validation: Samples | None
    units: Units | list[StreamUnits]


def with_exogenous(model, panel: Panel, X, static) -> tuple[Panel, Covariates | None]:
    """The panel with its covariates, and what is learnt of them; a fit that goes on learns of new series alone."""
    if panel.kind == SINGLE and np.ndim(X) == 1 and same_values(X, panel.values[:, 0]):
        X = None  # fit(y, y): scorers by name want both
    if model.stateful and (static is not None or has_columns(X)):
        raise ValueError("stateful=True takes no exogenous columns: X must have none, and static must be None")
    past = past_names(model.past_covariates)
    if model._goes_on():
        check_same_units(model._units_parameters, model, "warm_start=True")
        if has_columns(X) and not model._columns:
            raise ValueError("warm_start=True goes on from weights that know no exogenous columns: X must have none")
        if model._covariates:
            covariates = model._with_static(static)
            return with_history(panel, covariates, X), covariates
    every = model.calendar == "all" and not model.stateful  # refused with the rest of what streams cannot have
    return learnt_history(panel, X, static, past, every, model.missing == "mask")


def effects_in_fit(model, panel: Panel, ahead: int, count: int, season: int) -> Effects | None:
    """What is taken out of the series beforehand, which goes with the linear map; a fit that goes on has it already."""
    if model._goes_on():
        return model._effects
    return learn_effects(panel, ahead, count, season, model.normalize) if model.linear_skip else None


def with_year(
    model, panel: Panel, covariates: Covariates | None, choices: Choices, season: int
) -> tuple[Panel, Covariates | None, Choices]:
    """With the time of year, where it tells what comes, and without smoothing, which does not know it.

    A fit that goes on has what the one before found.
    """
    calendar = None
    if model.calendar == "auto" and not (model.stateful or is_long(model) or model._goes_on()):
        calendar = calendar_of_year(panel, int(model.horizon), season, choices.lookback)
    if calendar is None:
        return panel, covariates, choices
    panel, covariates = with_calendar(panel, covariates, calendar)
    return panel, covariates, replace(choices, smoothing_share=0.0)


def check_signs(panel: Panel, normalize: str) -> None:
    """Refuse logarithms of what is below zero, by the stamps."""
    if normalize.startswith(LOG) and np.nanmin(panel.values) < 0:
        low = np.flatnonzero((panel.values < 0).any(axis=1))
        number = int(np.searchsorted(panel.end, low[0], side="right"))
        inside = low[low < panel.end[number]] - panel.begin[number]
        raise ValueError(
            f"normalize={normalize!r} takes logarithms, and {panel.label(number)} holds values below zero, at "
            f"{name_stamps(panel.stamps(number)[inside])}"
        )


def with_room(model, panel: Panel, choices: Choices, outputs: int) -> Choices:
    """The choices with a lookback that the longest series has room for; a series without any is refused."""
    longest, chosen = int(panel.lengths.max()), model.segment == "auto"
    least = 1 if chosen else min(choices.segment, choices.lookback)
    if longest < outputs + least:
        steps = "one step to forecast" if model.decoder == "recursive" else f"horizon={outputs}"
        read = "one value to read" if least == 1 else f"segment={least} values to read"
        raise ValueError(f"{_of_the_longest(panel)}; {steps} and {read} need at least {outputs + least}")
    lookback = min(choices.lookback, longest - outputs)
    if lookback < choices.lookback:
        model._warn(
            f"{_of_the_longest(panel)}: lookback={choices.lookback} is cut to lookback_={lookback}, which leaves the "
            f"{outputs} that one window wants to forecast",
            stacklevel=3,
        )
    segment = math.gcd(choices.segment, lookback) if chosen else choices.segment  # the longest part that divides it
    model._check_segment(segment, lookback, "lookback")
    return replace(choices, lookback=lookback, segment=segment)


def windowed(model, panel: Panel, choices: Choices, outputs: int, ahead: int, held: np.ndarray | None = None) -> Plan:
    """Windows at stride 1; under early stopping without the last ones of each series, which validate.

    Parameters
    ----------
    model : RNNForecaster
    panel : Panel
    choices : Choices
        See `with_room`.
    outputs : int
        Steps that follow a window.
    ahead : int
        The covariates from this column on are known ahead.
    held : (S,) ndarray, optional
        Windows of each series that validate, if it has enough. Default: under early stopping a share of them, and
        a series must have enough.
    """
    lengths, lookback = panel.lengths, choices.lookback
    # A series too short for a window has one, filled up on the left, if a value is left to read; else it has none.
    least = np.minimum(min(choices.least, lookback), lengths - outputs)
    counts = np.where(lengths > outputs, lengths - outputs - least + 1, 0)
    first = panel.end - lookback - outputs - np.maximum(counts - 1, 0)

    def samples(units, *parts):
        table = Table(units.enter(panel.values, lengths), panel.covariates, ahead, panel.begin)
        return [SeriesWindows(table, units, *part, lookback, model.missing == "mask") for part in parts]

    def all_train():
        units = model._units_in_fit(panel, Units.of(panel.values, panel.begin, panel.end, choices.normalize))
        return Plan(lookback, *samples(units, (first, counts)), None, units)

    if held is None and not model.early_stopping:
        return all_train()
    wanted = _validating(model.validation_fraction, counts) if held is None else held
    between, stops_early = outputs - 1, held is None
    kept, held = held_back(counts, between, wanted)
    if stops_early and not held.any():
        _warn_of_no_validation(
            model,
            f"{_of_the_longest(panel)}, {counts.max()} windows of lookback={lookback}, of which validation would take "
            f"{wanted.max()} and the {between} before them share targets with it; "
            f"{lookback + between + _enough(model.validation_fraction, between)} values would do",
        )
        return all_train()
    end = np.where(held > 0, first + counts - held + lookback, panel.end)
    units = model._units_in_fit(panel, Units.of(panel.values, panel.begin, end, choices.normalize))
    return Plan(lookback, *samples(units, (first, kept), (first + counts - held, held)), units)


def _warn_of_no_validation(model, why: str) -> None:
    """Say that early stopping is left out, for it would leave nothing to train on."""
    model._warn(f"early_stopping is left out, and training goes on to its end: {why}", stacklevel=4)


def _validating(fraction: float, counts):
    """How many of so many windows, or steps, validate under early stopping."""
    return np.maximum(1, np.round(fraction * counts).astype(np.int64))


def held_back(counts, between: int, held) -> tuple:
    """How many windows, or steps, of each series train, and how many validate.

    The last ones validate. A training target must not be a validation target too: those `between` belong to neither. A
    series too short to be cut only trains.

    Parameters
    ----------
    counts : (S,) ndarray, or int
    between : int
    held : (S,) ndarray, or int
        How many are to validate.
    """
    held = np.minimum(counts, held)
    kept = np.where(held > 0, counts - held - between, counts)
    cut = kept >= 1
    return np.where(cut, kept, counts), np.where(cut, held, 0)


def _enough(fraction: float, between: int) -> int:
    """The smallest number of windows, or steps, of which validation and those `between` leave one to train on."""
    count = between + 2
    while not held_back(count, between, _validating(fraction, count))[1]:
        count += 1
    return count


def _of_the_longest(panel: Panel) -> str:
    longest = panel.lengths.max()
    values = "1 value" if longest == 1 else f"{longest} values"
    return f"y has {values}" if panel.n_series == 1 else f"the longest series of y has {values}"


def streamed(model, panel: Panel, choices: Choices, outputs: int) -> Plan:
    """Streams that are read once a pass, under early stopping without the targets of the last steps."""
    check_streamed(model, choices)
    segment, k = choices.segment, int(model.bptt_steps)
    together, series = panel.values[:, 0], [panel.series(number)[:, 0] for number in range(panel.n_series)]
    totals = np.array([n_origins(len(values), outputs, segment) for values in series])  # steps with all their targets
    if totals.max() < 1:
        needed = segment * -(-(segment + outputs) // segment)
        raise ValueError(f"{_of_the_longest(panel)}; segment={segment} and horizon={outputs} need at least {needed}")
    k = min(k, int(totals.max()))
    centring = STREAM_CENTRINGS[choices.normalize]

    def all_train():
        units = model._units_in_fit(panel, [StreamUnits.of(values, centring, segment) for values in series])
        rows = n_streams(int(totals.sum()), k, model.batch_size)
        training = SeriesStreams(together, panel.lengths, units, outputs, k, segment, rows)
        return Plan(k * segment, training, None, units)

    if not model.early_stopping:
        return all_train()
    wanted, between = _validating(model.validation_fraction, totals), -(-(outputs - 1) // segment)
    kept, held = held_back(totals, between, wanted)
    if not held.any():
        _warn_of_no_validation(
            model,
            f"{_of_the_longest(panel)}, {totals.max()} steps, of which validation would take {wanted.max()} and those "
            "before them share targets with it; "
            f"{segment * (_enough(model.validation_fraction, between) - (-outputs // segment))} values would do",
        )
        return all_train()
    units = [
        StreamUnits.of(
            values[: len(values) % segment + (total - last) * segment] if last else values, centring, segment
        )
        for values, total, last in zip(series, totals, held, strict=True)
    ]
    units = model._units_in_fit(panel, units)
    k = min(k, int(kept.max()))
    shape = (together, panel.lengths, units, outputs, k, segment)
    rows = n_streams(int(kept.sum()), k, model.batch_size)
    training = SeriesStreams(*shape, rows, [(0, n) for n in kept])
    tested = [(total - last, total if last else 0) for total, last in zip(totals, held, strict=True)]
    validation = SeriesStreams(*shape, min(panel.n_series, MOST_STREAMS), tested, slices=False)
    return Plan(k * segment, training, validation, units)


def check_streamed(model, choices: Choices) -> None:
    """Refuse what makes no sense together with `stateful=True`."""
    if model.bptt_steps is None:
        raise ValueError("stateful=True needs bptt_steps, the steps after which gradients stop; got None")
    if model.lookback != "auto":
        raise ValueError(
            f"stateful=True reads a series from its start: lookback must be 'auto', got {model.lookback!r}; "
            f"bptt_steps={model.bptt_steps} says how far gradients go back"
        )
    if model.missing != "raise":
        raise ValueError(f"stateful=True reads every value: missing must be 'raise', got {model.missing!r}")
    if model.calendar == "all":
        raise ValueError("stateful=True takes no exogenous columns: calendar must be 'auto' or None, got 'all'")
    if model.bidirectional:
        raise ValueError("stateful=True reads a series in order of time alone: bidirectional must be False, got True")
    if choices.decoder not in ("direct", "recursive"):
        raise ValueError(
            f"stateful=True forecasts after every step: decoder must be 'direct' or 'recursive', got {model.decoder!r}"
        )
    if choices.normalize not in STREAM_CENTRINGS:
        options = " or ".join(map(repr, STREAM_CENTRINGS))
        raise ValueError(f"stateful=True has no window: normalize must be {options}, got {model.normalize!r}")


def carried_states(
    network, parameters: np.ndarray, panel: Panel, units: list[StreamUnits], carried: list[Carried | None] | None = None
) -> list[Carried]:
    """Where each stream stands before its end, the last part and the targets after it.

    Streams go on from where they are `carried` to; the others, or all by default, are read from their start.
    """
    reader, carried = Reader(network, parameters), carried or [None] * panel.n_series
    return [
        reader.read_on(panel.series(number)[:, 0], units[number], carried[number]) for number in range(panel.n_series)
    ]


def kept_of(panel: Panel, network, stateful: bool, smoothed: int | None, masks: bool) -> Panel:
    """The end of each series that a fitted forecaster needs: a window, its targets, and one before.

    Of a stream a part, the targets in whole segments, and what may be left of a segment that is not complete. Where
    forecasts are averaged with exponential smoothing of a season `smoothed`, what that reads, and the
    windows before the last one. All of it before what is missing at the end, with `masks`.
    """
    if stateful:
        return panel.tail(1 + reach(network) + network.segment_length - 1)
    length = 1 + network.steps + network.output_size // network.skip_channels
    if smoothed:
        length = max(length, values_seen(network.steps, smoothed), smoothed_values(smoothed))
    return panel.tail(length + panel.missing_at_end() if masks else length)
