"""After a shift of a series' level, smoothing has more of its forecast.

A linear map has learnt how values return to those of their window. Where the level has just taken a step they do not,
and its forecasts go back to where the series has been, until the window has forgotten that; smoothing forgets sooner.
The errors that the map would last have made, one step ahead, tell such places, beside those of repeating the value
before, or that of a season ago. Some maps are worse than these all the time, and yet know what comes later: what errors
are usual is learnt in `fit`.
"""

import numpy as np

from tsrnn.forecasting.samples.windows import SeriesWindows
from tsrnn.forecasting.smoothing import averaged
from tsrnn.network.network import Network
from tsrnn.training.passes import Samples

# Values at the end of a series whose forecasts are looked at: so many, or a season of at most so many, for the hours of
# a day are not alike. After a year of weeks it would be late.
RECENT, LONGEST_SEASON = 12, 48
LEAST_RECENT = 6  # of a short series; fewer say nothing
# Errors of the linear map, in those of repeating a value as they usually are, from which smoothing has more of the
# forecast, and all of it: found on validation parts.
LOST_FROM, LOST = 1.5, 2.5
# Where repeating a value is always right; ONNX Runtime takes less than float32 can hold for nothing.
LEAST_ERROR = float(np.finfo(np.float32).tiny)

BLOCK = 1 << 12  # windows that are laid out at once
USUAL = 2000  # windows that say what errors are usual


def recent_values(season: int) -> int:
    """Values at the end of a series whose forecasts are looked at."""
    return season if RECENT < season <= LONGEST_SEASON else RECENT


def values_seen(lookback: int, season: int) -> int:
    """Values at the end of a series that say how far the linear map is lost."""
    return max(lookback, season) + recent_values(season)


def beyond(own, naive, usual):
    """Where an error of the linear map lies between those from which smoothing has more, 0, and all, 1."""
    expected = usual * naive
    return (own - LOST_FROM * expected) / ((LOST - LOST_FROM) * expected + LEAST_ERROR)


def lags(season: int) -> tuple[int, ...]:
    """How many steps ago the values lie that are repeated."""
    return (1, season) if season > 1 else (1,)


def shifted_shares(
    share: float, own: np.ndarray, values: np.ndarray, season: int, usual: tuple[float, ...]
) -> np.ndarray:
    """Shares of smoothing, that are `share` but for where the linear map is lost.

    Parameters
    ----------
    share : float
    own : (S, n, K) ndarray
        Errors of the map, one step ahead; NaN where there are none.
    values : (S, season + n, K) ndarray
        The values that they are of, and those before. NaN where missing.
    season : int
    usual : tuple of float
        See `usual_errors`.

    Returns
    -------
    (S, K) ndarray
    """
    n, part = own.shape[1], np.zeros((len(own), own.shape[2]))
    for lag, expected in zip(lags(season), usual, strict=True):
        naive = values[:, season:] - values[:, season - lag : season - lag + n]
        known = ~np.isnan(own) & ~np.isnan(naive)
        of_map, of_naive = (np.where(known, np.abs(error), 0).sum(axis=1) for error in (own, naive))
        enough = known.sum(axis=1) >= LEAST_RECENT
        part = np.fmax(part, np.where(enough, beyond(of_map, of_naive, expected), 0))
    return averaged(share, 1.0, np.minimum(part, 1))


def usual_errors(network: Network, weights: dict, samples: Samples, season: int) -> tuple[float, ...]:
    """Errors of the linear map within the series, one step ahead, in those of repeating each value of `lags`.

    Medians over windows, in units of these: a step within a series is nothing usual. One at least, and where a window
    holds no value of a season ago.
    """
    which = np.unique(np.linspace(0, samples.size - 1, min(samples.size, USUAL)).astype(np.int64))
    x, known = _room(network, len(which))
    y = np.empty((len(which), network.output_size), x.dtype)
    samples.gather(which, x, y, known)
    channels, found = network.skip_channels, []
    own, came = _one_step(network, weights, x, known), y[:, :channels]
    for lag in lags(season):
        both, naive = ~np.isnan(came), 0.0
        if lag <= network.steps:
            if samples.masks:
                both &= x[-lag, :, -channels:] > 0
            naive = np.median(np.abs(x[-lag, :, :channels] - came)[both]) if both.any() else 0.0
        found.append(max(1.0, float(np.median(np.abs(own - came)[both]) / naive)) if naive > 0 else 1.0)
    return tuple(found)


def linear_forecasts(network: Network, weights: dict, windows: SeriesWindows) -> np.ndarray:
    """What the linear maps alone make of windows: one step (W, K), in the units of the series."""
    found = np.empty((windows.size, network.skip_channels))
    for first in range(0, windows.size, BLOCK):
        which = np.arange(first, min(windows.size, first + BLOCK))
        x, known = _room(network, len(which))
        windows.gather(which, x, None, known)
        found[which] = windows.in_user_units(which, _one_step(network, weights, x, known))[:, 0]
    return found


def _room(network: Network, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """For windows (T, B, C), and for what is known ahead of each (B, P * F)."""
    shapes = (network.steps, rows, network.input_size), (rows, network.known_size)
    return tuple(np.empty(shape, np.float32) for shape in shapes)


def _one_step(network: Network, weights: dict, x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The first step (B, K) that the linear maps make; summed by NumPy, in whose sums threads have no say."""
    channels = network.skip_channels
    windows = x[:, :, :channels].transpose(1, 0, 2).reshape(x.shape[1], -1)
    found = 0.0
    for name, read in (("linear", windows), ("known", known)):
        if f"{name}.weight" in weights:
            weight, bias = (weights[f"{name}.{kind}"][:channels].astype(np.float64) for kind in ("weight", "bias"))
            found = found + np.einsum("ni,oi->no", read.astype(np.float64), weight) + bias
    return found
