"""The checks of an estimator, one by one or all at once."""

from unittest import SkipTest

from sklearn.base import BaseEstimator

# Each of these modules puts its checks on the list.
from tsrnn.testing import estimator_checks, index_checks, panel_checks, row_checks, value_checks  # noqa: F401
from tsrnn.testing.registry import CHECKS, Check
from tsrnn.testing.subject import Subject


def forecaster_checks(
    estimator: BaseEstimator,
    *,
    exogenous: bool | None = None,
    panels: bool | None = None,
    missing: bool | None = None,
    together: bool | None = None,
    untimed: bool | None = None,
    length: int = 60,
) -> list[Check]:
    """The checks of a forecaster, to be called one by one.

    Parameters
    ----------
    estimator, exogenous, panels, missing, together, untimed, length
        As for `check_forecaster`.

    Returns
    -------
    list of Check
        Each is called without arguments, raises what is wrong, `unittest.SkipTest` where something is not installed,
        and is named by `str`.

    Examples
    --------
    >>> from tsrnn import RNNForecaster
    >>> from tsrnn.testing import forecaster_checks
    >>> checks = {str(check): check for check in forecaster_checks(RNNForecaster(lookback=6, hidden_size=4))}
    >>> checks["check_stamps[ME]"]()
    """
    parameters = estimator.get_params()
    together = bool(parameters.get("multivariate")) if together is None else together
    subject = Subject(
        estimator,
        exogenous=not parameters.get("stateful") if exogenous is None else exogenous,
        panels=not together if panels is None else panels,
        missing=parameters.get("missing") == "mask" if missing is None else missing,
        together=together,
        untimed=parameters.get("calendar") != "all" if untimed is None else untimed,
        length=length,
    )
    return [Check(function, subject, case) for function, case, needs in CHECKS if needs(subject)]


def check_forecaster(
    estimator: BaseEstimator,
    *,
    exogenous: bool | None = None,
    panels: bool | None = None,
    missing: bool | None = None,
    together: bool | None = None,
    untimed: bool | None = None,
    length: int = 60,
) -> dict[str, str]:
    """Check that a forecaster keeps its contract: see `tsrnn.testing`.

    The estimator itself is not fitted; clones are, on small series, with a horizon of four steps and few updates.

    Parameters
    ----------
    estimator : BaseEstimator
        With the parameters to check. Of them only `horizon`, `max_steps`, `max_iter`, `random_state`, `warm_start` and
        `verbose` are set, where it has them.
    exogenous : bool, optional
        It takes exogenous columns; where not, it has to refuse them. Default: unless `stateful` is set.
    panels : bool, optional
        It takes several series, as columns or by (id, time); where not, it has to refuse the latter. Default: unless
        it takes columns `together`.
    missing : bool, optional
        It takes missing values; where not, it has to refuse them, by their stamps. Default: if the parameter `missing`
        is "mask".
    together : bool, optional
        It wants a DataFrame, and forecasts the columns together. Default: the parameter `multivariate`, if there is
        one.
    untimed : bool, optional
        It takes integers as an index, and arrays; where not, it has to refuse them. Default: unless
        `calendar` is "all".
    length : int, default=60
        Values of the series to fit, for an estimator that needs more.

    Returns
    -------
    dict of str to str
        For each check "passed" or, where something is not installed, why it was skipped.

    Raises
    ------
    Exception
        Of the first check that fails, with a note that names it.

    Examples
    --------
    >>> from tsrnn import RNNForecaster
    >>> from tsrnn.testing import check_forecaster
    >>> ended = check_forecaster(RNNForecaster(lookback=6, hidden_size=4))
    >>> ended["check_pickle"]
    'passed'
    """
    options = {"exogenous": exogenous, "panels": panels, "missing": missing, "together": together, "untimed": untimed}
    ended = {}
    for check in forecaster_checks(estimator, **options, length=length):
        try:
            check()
            ended[str(check)] = "passed"
        except SkipTest as reason:
            ended[str(check)] = str(reason)
    return ended
