"""Rules behind "auto"."""


def auto_lookback(n_values: int, n_outputs: int, season_length: int, segment: int = 1) -> int:
    """Length of a window: three seasons, and no more than leaves three fifths of the series for other windows.

    Two, three and four seasons were about equal on held-back parts of monthly, quarterly, daily and hourly series.

    Parameters
    ----------
    n_values : int
        Length of the series.
    n_outputs : int
        Steps forecast from a window.
    season_length : int
    segment : int
        The window is cut to a multiple of it, but not below it.

    Returns
    -------
    int
        A multiple of the season where the series has room for one, then cut to one of `segment`; at least 1.
    """
    wanted = 3 * season_length if season_length > 1 else max(2 * n_outputs, 10)
    room = int((n_values - n_outputs) / 2.5)
    if room >= season_length > 1:
        lookback = min(wanted, room // season_length * season_length)
    else:
        lookback = max(1, min(wanted, room))
    return max(segment, lookback // segment * segment)
