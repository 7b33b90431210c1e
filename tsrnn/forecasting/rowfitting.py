"""What a regressor does with its rows: fit, go on fitting, predict, score."""

from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from tsrnn.forecasting.samples.interop import on_host
from tsrnn.forecasting.samples.rows import laid_out, predicted
from tsrnn.forecasting.samples.sequences import flat_targets


class RowFitting:
    """`fit`, `partial_fit`, `predict` and `score` of `RNNRegressor`."""

    def fit(self, X, y, sample_weight=None):
        """Train on sequences and their targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps * n_channels) or (n_samples, n_steps, n_channels)
            Sequences, oldest step first.
        y : array-like
            "direct": (n_samples,), (n_samples, n_outputs) or (n_samples, n_target_steps, n_target_channels).
            "in_step": (n_samples, n_steps) or (n_samples, n_steps, n_target_channels).
            "seq2seq" and "parallel": (n_samples, n_target_steps), (n_samples, n_target_steps, n_target_channels), or
            (n_samples,) for one step.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 2 counts as the row twice.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For a parameter or data that cannot be used, such as sparse ones, and with `warm_start` for another network
            or targets of another shape; the estimator is as it was.
        DivergenceError, KeyboardInterrupt, RuntimeError
            See the class.

        Warns
        -----
        UserWarning
            Where `segment` does not divide the sequences.
        InterruptedFitWarning
            See the class.

        Notes
        -----
        With `device="cuda"` each of them may be an array there, of torch, CuPy or whatever has
        `__cuda_array_interface__`: `X` and `y` are read where they lie, floats in one piece without a copy.
        """
        self._train(**laid_out(self, X, y, sample_weight)._asdict())
        return self

    def partial_fit(self, X, y, sample_weight=None):
        """Make one pass over these rows, from the current weights; for data that come in parts.

        The first call starts the weights, and takes the units of channels and targets from its rows: give it rows that
        are typical of what follows. Further calls keep both, also after `fit`. The learning rate is constant,
        `learning_rate_init`, for nobody knows how many passes there will be; `max_iter`, `max_steps` and
        `learning_rate` do not count here. The moments of Adam and the random numbers go on from call to call;
        after a `fit` they begin anew.

        Parameters
        ----------
        X, y, sample_weight : array-like
            As in `fit`; of one shape in all calls.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As in `fit`; with `early_stopping`, for a single pass has nothing to stop; and for data of another shape
            than before.
        DivergenceError, KeyboardInterrupt
            The estimator is as it was before the call.
        RuntimeError
            For a device that cannot be used.

        Examples
        --------
        >>> import numpy as np
        >>> from tsrnn import RNNRegressor
        >>> rng, model = np.random.default_rng(0), RNNRegressor(hidden_size=4, random_state=0)
        >>> for part in range(3):
        ...     X = rng.standard_normal((64, 5))
        ...     model = model.partial_fit(X, X.sum(axis=1))
        >>> model.n_steps_
        3
        """
        self._train(**laid_out(self, X, y, sample_weight, incremental=True)._asdict())
        return self

    def predict(self, X):
        """Predict the targets of sequences.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps * n_channels) or (n_samples, n_steps, n_channels)

        Returns
        -------
        ndarray of the shape of `y` in `fit` but for the number of samples, float64
            Of an `X` on a device an array there: torch, CuPy and others take it as it is, `to_host()` copies it.

        Raises
        ------
        NotFittedError
        TypeError, ValueError
            For an `X` as in `fit`, or of another number of steps or channels than that fitted.
        RuntimeError
            For a device that cannot be used.
        """
        check_is_fitted(self)
        return predicted(self, X)

    def score(self, X, y, sample_weight=None):
        """Coefficient of determination of the predictions, R²: the mean over all outputs.

        Each step of each channel of a target counts as an output of its own, as the columns of a 2-D `y` do.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps * n_channels) or (n_samples, n_steps, n_channels)
        y : array-like of the shape of the predictions
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
        TypeError, ValueError, RuntimeError
            As `predict`; and for a `y` of another shape than the predictions.
        """
        y, sample_weight, found = on_host(self, y=y, sample_weight=sample_weight, predictions=self.predict(X))
        y, shape = flat_targets(y)
        if 3 in (len(shape), found.ndim) and shape != found.shape:
            raise ValueError(f"y must have the shape of the predictions, {found.shape}, got shape {shape}")
        return r2_score(y, flat_targets(found)[0], sample_weight=sample_weight)
