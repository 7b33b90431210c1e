"""How a series is laid out for training and read for a forecast: as windows, or as streams that carry their state."""

from dataclasses import dataclass

import numpy as np

from tsrnn.forecasting.defaults import auto_lookback
from tsrnn.forecasting.normalization import CENTRINGS, Units
from tsrnn.forecasting.streams import STREAM_CENTRINGS, SeriesStreams, StreamUnits, n_origins, n_streams, read
from tsrnn.forecasting.windows import SeriesWindows
from tsrnn.training.parallel import single_threaded_blas
from tsrnn.training.passes import Samples


@dataclass(frozen=True)
class Plan:
    """What a fit needs to know of the series.

    Attributes
    ----------
    steps : int
        Values that the network reads at once: a window, or a part of a stream.
    decoder : str
        Of the network.
    training : Samples
    validation : Samples or None
    units : Units or StreamUnits
    before : int
        Values before those steps that are kept too, since the first of them is measured from there.
    """

    steps: int
    decoder: str
    training: Samples
    validation: Samples | None
    units: Units | StreamUnits
    before: int = 0


def windowed(model, values: np.ndarray, outputs: int, season: int) -> Plan:
    """Windows at stride 1, under early stopping without the last ones, which validate."""
    if model.lookback == "auto":
        lookback = auto_lookback(len(values), outputs, season, int(model.segment))
    else:
        lookback = int(model.lookback)
    n_windows = len(values) - lookback - outputs + 1
    if n_windows < 1:
        steps = "one step to forecast" if model.decoder == "recursive" else f"horizon={outputs}"
        raise ValueError(
            f"y has {len(values)} values; lookback={lookback} and {steps} need at least {lookback + outputs}"
        )
    model._check_segment(lookback, "lookback")
    decoder = "direct" if model.decoder == "recursive" else model.decoder
    centring = CENTRINGS[model.normalize]
    if not model.early_stopping:
        units = model._kept_units(Units.of(values, centring))
        return Plan(lookback, decoder, SeriesWindows(values, 0, n_windows, units), None, units)
    held = max(1, round(model.validation_fraction * n_windows))
    # A training target must not be a validation target too: the windows between are left out.
    kept = n_windows - held - outputs + 1
    if kept < 1:
        raise ValueError(
            f"early_stopping leaves no window to train on: y has {n_windows} windows of lookback={lookback}, "
            f"of which validation takes {held} and the {outputs - 1} before them share targets with it"
        )
    units = model._kept_units(Units.of(values[: n_windows - held + lookback], centring))
    training, validation = (
        SeriesWindows(values, first, size, units) for first, size in ((0, kept), (n_windows - held, held))
    )
    return Plan(lookback, decoder, training, validation, units)


def streamed(model, values: np.ndarray, outputs: int) -> Plan:
    """Streams that are read once a pass, under early stopping without the targets of the last steps."""
    check_streamed(model)
    segment, k = int(model.segment), int(model.bptt_steps)
    total = n_origins(len(values), outputs, segment)
    if total < 1:
        needed = segment * -(-(segment + outputs) // segment)
        raise ValueError(f"y has {len(values)} values; segment={segment} and horizon={outputs} need at least {needed}")
    k = min(k, total)
    centring = STREAM_CENTRINGS[model.normalize]
    if not model.early_stopping:
        units = model._kept_units(StreamUnits.of(values, centring, segment))
        training = SeriesStreams([values], [units], outputs, k, segment, n_streams(total, k, model.batch_size))
        return Plan(k * segment, "in_step", training, None, units, before=1)
    held = max(1, round(model.validation_fraction * total))
    # Steps between, whose targets a validation step has too, belong to neither.
    kept = total - held - -(-(outputs - 1) // segment)
    if kept < 1:
        raise ValueError(
            f"early_stopping leaves no step to train on: y has {total} steps, of which validation takes {held} and "
            "those before them share targets with it"
        )
    seen = len(values) % segment + (total - held) * segment
    units = model._kept_units(StreamUnits.of(values[:seen], centring, segment))
    k = min(k, kept)
    shape = ([values], [units], outputs, k, segment)
    return Plan(
        k * segment,
        "in_step",
        SeriesStreams(*shape, n_streams(kept, k, model.batch_size), [(0, kept)]),
        SeriesStreams(*shape, 1, [(total - held, total)], slices=False),
        units,
        before=1,
    )


def check_streamed(model) -> None:
    """Refuse what makes no sense together with `stateful=True`."""
    if model.bptt_steps is None:
        raise ValueError("stateful=True needs bptt_steps, the steps after which gradients stop; got None")
    if model.lookback != "auto":
        raise ValueError(
            f"stateful=True reads a series from its start: lookback must be 'auto', got {model.lookback!r}; "
            f"bptt_steps={model.bptt_steps} says how far gradients go back"
        )
    if model.bidirectional:
        raise ValueError("stateful=True reads a series in order of time alone: bidirectional must be False, got True")
    if model.decoder not in ("direct", "recursive"):
        raise ValueError(
            f"stateful=True forecasts after every step: decoder must be 'direct' or 'recursive', got {model.decoder!r}"
        )
    if model.normalize not in STREAM_CENTRINGS:
        options = " or ".join(map(repr, STREAM_CENTRINGS))
        raise ValueError(f"stateful=True has no window: normalize must be {options}, got {model.normalize!r}")


def carried_states(network, parameters: np.ndarray, values: np.ndarray, units: StreamUnits) -> dict:
    """What is kept of a stream: the states before its last part, and before the last that all its targets follow."""

    def before(stop: int):
        return read(network, parameters, values[: stop - network.steps], units, None, known=0)[1]

    with single_threaded_blas():
        return {"_states": before(len(values)), "_sample_states": before(len(values) - network.output_size)}
