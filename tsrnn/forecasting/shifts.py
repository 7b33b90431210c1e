"""After a shift of a series' level, smoothing has more of its forecast.

A linear map has learnt how values return to those of their window. Where the level has just taken a step they do not,
and its forecasts go back to where the series has been, until the window has forgotten that; smoothing forgets sooner.
The errors that the map would last have made, one step ahead, tell such places, beside those of repeating the value
before, or that of a season ago.
"""

import numpy as np

from tsrnn.forecasting.samples.normalization import Units
from tsrnn.forecasting.samples.windows import SeriesWindows
from tsrnn.forecasting.smoothing import averaged
from tsrnn.network.network import Network

# Values at the end of a series whose forecasts are looked at: so many, or a season of at most so many, for the hours of
# a day are not alike. After a year of weeks it would be late.
RECENT, LONGEST_SEASON = 12, 48
LEAST_RECENT = 6  # of a short series; fewer say nothing
# Errors of the linear map, in those of repeating a value, from which smoothing has more of the forecast, and all of it:
# found on validation parts.
LOST_FROM, LOST = 1.5, 2.5
LEAST_ERROR = 1e-300  # where repeating a value is always right

BLOCK = 1 << 12  # windows that are laid out at once


def recent_values(season: int) -> int:
    """Values at the end of a series whose forecasts are looked at."""
    return season if RECENT < season <= LONGEST_SEASON else RECENT


def values_seen(lookback: int, season: int) -> int:
    """Values at the end of a series that say how far the linear map is lost."""
    return max(lookback, season) + recent_values(season)


def beyond(own, naive):
    """Where an error of the linear map lies between those from which smoothing has more, 0, and all, 1."""
    return (own - LOST_FROM * naive) / ((LOST - LOST_FROM) * naive + LEAST_ERROR)


def lags(season: int) -> tuple[int, ...]:
    """How many steps ago the values lie that are repeated."""
    return (1, season) if season > 1 else (1,)


def shifted_shares(share: float, own: np.ndarray, values: np.ndarray, season: int) -> np.ndarray:
    """Shares of smoothing, that are `share` but for where the linear map is lost.

    Parameters
    ----------
    share : float
    own : (S, n, K) ndarray
        Errors of the map, one step ahead; NaN where there are none.
    values : (S, season + n, K) ndarray
        The values that they are of, and those before. NaN where missing.
    season : int

    Returns
    -------
    (S, K) ndarray
    """
    n, part = own.shape[1], np.zeros((len(own), own.shape[2]))
    for lag in lags(season):
        naive = values[:, season:] - values[:, season - lag : season - lag + n]
        known = ~np.isnan(own) & ~np.isnan(naive)
        of_map, of_naive = (np.where(known, np.abs(error), 0).sum(axis=1) for error in (own, naive))
        enough = known.sum(axis=1) >= LEAST_RECENT
        part = np.fmax(part, np.where(enough, beyond(of_map, of_naive), 0))
    return averaged(share, 1.0, np.minimum(part, 1))


def linear_forecasts(network: Network, weights: dict, windows: SeriesWindows, units: Units) -> np.ndarray:
    """What the linear maps alone make of windows: one step (W, K), in the units of the series."""
    every = np.arange(windows.size)
    centre, scale = windows.measure(every, network.steps)
    channels = centre.shape[1]
    found = np.empty_like(centre)
    for first in range(0, windows.size, BLOCK):
        which = every[first : first + BLOCK]
        x = np.empty((network.steps, len(which), network.input_size), np.float32)
        known = np.empty((len(which), network.known_size), np.float32)
        windows.gather(which, x, None, known)
        x = x[:, :, : network.skip_channels].transpose(1, 0, 2).reshape(len(which), -1)
        found[which] = _mapped(x, weights, "linear", channels)
        if network.known is not None:
            found[which] += _mapped(known, weights, "known", channels)
    units = units.only(windows.series(every))
    return units.leave((centre + scale * found)[:, None])[:, 0]


def _mapped(x: np.ndarray, weights: dict, name: str, outputs: int) -> np.ndarray:
    """The first outputs of a linear map; summed by NumPy, in whose sums threads have no say."""
    weight, bias = (weights[f"{name}.{kind}"][:outputs].astype(np.float64) for kind in ("weight", "bias"))
    return np.einsum("ni,oi->no", x.astype(np.float64), weight) + bias
