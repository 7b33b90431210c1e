"""What follows series: windows read and forecast block by block, and their mean with exponential smoothing."""

from dataclasses import replace

import numpy as np

from tsrnn.forecasting.samples.normalization import Units
from tsrnn.forecasting.samples.streams import Reader
from tsrnn.forecasting.samples.windows import SeriesWindows, Table
from tsrnn.forecasting.series.panel import Panel
from tsrnn.forecasting.shifts import linear_forecasts, recent_values, shifted_shares, values_seen
from tsrnn.forecasting.smoothing import mixed, smoothing_forecasts

AT_ONCE = 1 << 15  # series whose windows and forecasts are laid out at once


class Following:
    """The forecasts behind `predict` of `RNNForecaster`."""

    _puts_back = True  # the effects of columns known ahead; a part of the forecast may be without

    def _follow(self, panel: Panel, units, states, horizon: int, known: np.ndarray | None) -> np.ndarray:
        """Values (S, horizon, K) after the series, block by block where the network has fewer outputs."""
        block = self.network_.output_size // panel.values.shape[1]
        if horizon > block == self.horizon_ > 1:
            self._warn(
                f"horizon={horizon} exceeds the {block} steps trained for: the rest is forecast from forecasts",
                stacklevel=4,  # beyond `predict` and what it is wrapped in
            )
        found = np.empty((panel.n_series, horizon, panel.values.shape[1]))
        if states is None:
            for k, some in panel.blocks(AT_ONCE):
                of_these = None if known is None else known[k]
                found[k] = self._follow_windows(some, units.only(k), horizon, block, of_these)
            return self._effects.put_back(found, known) if self._effects and self._puts_back else found
        reader = Reader(self.network_, self.parameters_)
        for k, (before, unread) in enumerate(states):
            values = panel.series(k)[:, 0]
            read_to = len(values) - unread
            found[k, :, 0] = reader.follow(values, units[k], before, read_to, horizon)
        return found

    def _follow_windows(self, panel: Panel, units: Units, horizon: int, block: int, known) -> np.ndarray:
        lookback, n_series, channels = self.lookback_, panel.n_series, panel.values.shape[1]
        smoothed, found = self._smoothed(panel, horizon), np.empty((n_series, horizon, channels))
        # Each series in so many rows: its last values, then those to come, which are written as they are forecast.
        seen = values_seen(lookback, self.season_length_) if self._leans else lookback
        total = seen + -(-horizon // block) * block
        gaps = panel.missing_at_end() if self._masks else np.zeros(n_series, np.int64)
        tail = self._filled(panel, units, gaps, block).tail(seen) if gaps.any() else panel.tail(seen)
        values = np.full((n_series, total, channels), np.nan)
        covariates = np.full((n_series, total, tail.covariates.shape[1]), np.nan)
        held = np.arange(seen) >= seen - tail.lengths[:, None]
        values[:, :seen][held] = units.enter(tail.values, tail.lengths)
        covariates[:, :seen][held] = tail.covariates
        covariates[:, seen:] = covariates[:, seen - 1 : seen]  # the last that is known of a column stays
        if known is not None:
            covariates[:, seen:, self._ahead :] = known
        rows = np.arange(n_series) * total
        flat = values.reshape(-1, channels), covariates.reshape(len(rows) * total, -1)
        table = Table(*flat, self._ahead, rows + seen - tail.lengths)
        every, one = np.arange(n_series), np.ones(n_series, np.int64)
        share = self.smoothing_share_
        if self._leans:
            came = np.where((np.arange(seen) < seen - gaps[:, None])[:, :, None], values[:, :seen], np.nan)
            share = self._shares(table, units, rows, came, tail.lengths - lookback)
        with self._passes(n_series) as passes:
            for done in range(0, horizon, block):
                windows = SeriesWindows(table, units, rows + seen - lookback + done, one, lookback, self._masks)
                stop = min(horizon, done + block)
                forecast = windows.in_user_units(every, passes.outputs(windows))[:, : stop - done]
                if smoothed is not None:
                    forecast = mixed(forecast, smoothed[:, done:stop], share)
                found[:, done:stop] = forecast = units.bounded(forecast)
                if stop < horizon:  # the next block reads it on
                    read_on = units.enter(forecast.reshape(-1, channels), stop - done).reshape(forecast.shape)
                    values[:, seen + done : seen + stop] = read_on
        return found

    def _filled(self, panel: Panel, units: Units, gaps: np.ndarray, block: int) -> Panel:
        """The panel with forecasts in place of the values that are missing at the end of its series, so many of each.

        A network that has seldom seen windows end in a gap does not know how to go on after one.
        """
        values = panel.values.copy()
        for gap in np.unique(gaps[gaps > 0]):
            which = np.flatnonzero(gaps == gap)
            before, first = panel.only(which), panel.end[which][:, None] - gap
            steps = np.minimum(np.arange(-(-gap // block) * block), gap - 1)  # of what is known ahead, as in `predict`
            known = panel.covariates[first + steps][:, :, self._ahead :]
            before = replace(before, end=before.end - gap)
            values[first + np.arange(gap)] = self._follow_windows(before, units.only(which), int(gap), block, known)
        return replace(panel, values=values)

    def _smoothed(self, panel: Panel, steps: int) -> np.ndarray | None:
        """Exponential smoothing (S, steps, K) of all series; None where it has no share."""
        how = steps, self.season_length_, self._loss, self.n_jobs
        return smoothing_forecasts(panel.values, panel.begin, panel.end, *how) if self.smoothing_share_ else None

    @property
    def _leans(self) -> bool:
        """Whether smoothing may have more than its share: where it has one, and the linear map is a forecast alone."""
        return bool(self.smoothing_share_) and self._usual is not None

    def _shares(self, table: Table, units: Units, rows: np.ndarray, values: np.ndarray, whole: np.ndarray):
        """Shares of smoothing (S, 1, K), of series that begin at these rows of a table.

        Parameters
        ----------
        table, units, rows
        values : (S, seen, K) ndarray
            What the table holds of them.
        whole : (S,) ndarray, int
            How many windows of values lie before the last one; all those that begin before a series are not looked at.
        """
        count, season = recent_values(self.season_length_), self.season_length_
        first = rows + values.shape[1] - self.lookback_ - count
        windows = SeriesWindows(table, units, first, np.full(len(rows), count), self.lookback_, self._masks)
        found = linear_forecasts(self.network_, self.weights(), windows)
        values = units.leave(values[:, -season - count :])
        within = np.arange(count) >= count - whole[:, None]
        own = np.where(within[:, :, None], found.reshape(len(rows), count, -1) - values[:, season:], np.nan)
        return shifted_shares(self.smoothing_share_, own, values, season, self._usual)[:, None]
