"""How much of a forecast is left to exponential smoothing: the less, the more there is to learn from."""

import numpy as np

from tsrnn.forecasting.series.panel import Panel
from tsrnn.forecasting.smoothing import are_rare, median_values
from tsrnn.kernels.series import read_only, seasonal_changes

FEW_WINDOWS, MANY_WINDOWS = 5000, 100_000  # of which little is learnt, and of which much
AMPLE = 10  # so many windows long, a series tells of itself what smoothing would
LONG_SEASON = 12  # of a longer one each step comes round too seldom to be smoothed well
RARE_SHARE = 0.75  # where most series are of rare events: there is little else to say than their median

# Seasons below which windows show little or nothing of how they come again, and the share of smoothing there; changes
# over a season, and series whose are small, from which on these say that it does.
BRIEF_SEASONS = ((1.5, 1.0), (1.75, 0.75))
ENOUGH_CHANGES, MOST_OF_SERIES = 30, 0.6


def auto_smoothing(panel: Panel, windows: int, season: int, lookback: int, loss: str) -> float:
    """Share of exponential smoothing in the forecast, to begin with.

    Parameters
    ----------
    panel : Panel
    windows : int
        Whole ones, of all series.
    season : int
        Steps in a season.
    lookback : int
        What a window would hold by the rules.
    loss : str
        A key of `tsrnn.training.losses.LOSSES`.
    """
    if windows >= MANY_WINDOWS or np.median(panel.lengths) >= AMPLE * lookback:
        share = 1 / 4
    elif windows < FEW_WINDOWS:
        # They say little of levels and trends, and where there is no season there is nothing else to say.
        share = 1 / 2 if season > 1 else 2 / 3
    else:
        share = 1 / 2 if season <= LONG_SEASON else 1 / 3
    return max(share, _told_by_season(panel, season), RARE_SHARE if _of_rare_events(panel, season, loss) else 0.0)


def _of_rare_events(panel: Panel, season: int, loss: str) -> bool:
    """Whether smoothing forecasts the medians of most series."""
    if median_values(season, loss) == 0:
        return False
    return bool(are_rare(panel.values, panel.begin, panel.end, season).mean() > 0.5)


def _told_by_season(panel: Panel, season: int) -> float:
    """Share of smoothing, which alone knows the season of short series, where most are nearer to that than to now."""
    seasons, known = np.median(panel.lengths) / season, panel.lengths > season
    share = next((share for below, share in BRIEF_SEASONS if 1 < seasons < below), 0.0)
    changes = (panel.lengths[known] - season).sum() * panel.values.shape[1]
    if season == 1 or share == 0 or changes < ENOUGH_CHANGES:
        return 0.0
    over_season, over_step = (np.empty((panel.n_series, panel.values.shape[1])) for _ in range(2))
    for step, found in ((season, over_season), (1, over_step)):
        seasonal_changes(read_only(panel.values), panel.begin, panel.end, step, found)
    return share if (over_season < over_step)[known].mean() >= MOST_OF_SERIES else 0.0
