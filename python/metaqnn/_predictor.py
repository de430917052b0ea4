"""How good will a network be that nobody has trained?"""
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from metaqnn import _metaqnn
from metaqnn._errors import UsageError
from metaqnn._estimator import Estimator
from metaqnn._networks import as_log, as_networks

Numbers = npt.NDArray[np.float64]


class Ranked(NamedTuple):
    """A candidate among the best."""

    row: int  # of the candidates
    architecture: str  # canonical: equal networks have equal strings
    prediction: float
    standard_deviation: float  # NaN where the method knows none
    rank_score: float  # larger is better; it may order networks otherwise than the prediction does


class Predictor(Estimator):
    """Predicts how well networks will do: a scikit-learn regressor on their strings, on columns, or on both.

    method: one of metaqnn.method_names(); "combined" is mostly the best.
    tokens: how strings are read: "grammar" ([C(64,3,1), SM(10)]), "characters", or what they are split at; None: as
        most of them look.
    minimize: less of y is better.
    architecture_column: of a data frame, the column with the strings; "": none. None: net, architecture, or the only
        one of text.
    input: of the networks, "CxHxW"; None: 3x32x32.
    budget: column of how long each network was trained; candidates need not have it.
    failures: what becomes of networks that fit() is told have failed: "exclude", "as-chance" or "model".
    unlabelled: strings of networks without a result, for the manifold methods.
    graph_weight: of the manifold methods; None: chosen.
    exact: approximate nothing, of however many networks.
    seed: of everything that is drawn.
    threads: 0: the cores that this process may use. The last digits depend on it.

    Predictions equal those of `metaqnn fit` and `metaqnn predict` to the last bit.
    """

    def __init__(
        self,
        method: str = "combined",
        tokens: str | None = None,
        minimize: bool = False,
        *,
        architecture_column: str | None = None,
        input: str | None = None,
        budget: str | None = None,
        failures: str = "as-chance",
        unlabelled: Sequence[str] | None = None,
        graph_weight: float | None = None,
        exact: bool = False,
        seed: int = 0,
        threads: int = 0,
    ) -> None:
        self.method = method
        self.tokens = tokens
        self.minimize = minimize
        self.architecture_column = architecture_column
        self.input = input
        self.budget = budget
        self.failures = failures
        self.unlabelled = unlabelled
        self.graph_weight = graph_weight
        self.exact = exact
        self.seed = seed
        self.threads = threads

    def fit(self, X: Any, y: Any, failed: Any = None) -> Predictor:
        """Learns from networks and their results.

        X: a list, array or column of strings; an array of rows of numbers and texts; or a data frame with columns of
            strings, numbers and categories.
        y: a finite number for each.
        failed: for each whether it did not learn, and y is chance (`failures` says what becomes of it).
        """
        log = as_log(
            X,
            y,
            failed=failed,
            minimize=self.minimize,
            architecture_column=self.architecture_column,
            budget=self.budget,
        )
        return self._fit(log)

    def fit_log(self, log: str | os.PathLike[str], **reading: Any) -> Predictor:
        """Learns from a file of results or a study, read as read_log() reads it. Its direction is the log's own."""
        from metaqnn._evaluate import open_log

        return self._fit(open_log(log, **reading))

    def _fit(self, log: _metaqnn.Log) -> Predictor:
        self.model_ = _metaqnn.fit(
            log,
            self.method,
            _metaqnn.Reading(self.tokens or "", self.input, self.failures),
            list(self.unlabelled or []),
            self.graph_weight,
            self.exact,
            self.seed,
            self.threads,
        )
        return self

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> Numbers:
        ...

    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[Numbers, Numbers]:
        ...

    def predict(self, X: Any, return_std: bool = False) -> Numbers | tuple[Numbers, Numbers]:
        """What is predicted for each network, and with `return_std` the standard deviation of a measurement around it
        (NaN where the method knows none)."""
        _, means, deviations, _ = self._fitted().predict(self._texts(X))
        predicted = np.array(means, dtype=np.float64)
        return (predicted, np.array(deviations, dtype=np.float64)) if return_std else predicted

    def rank(self, X: Any, top: int = 10, include_known: bool = False) -> list[Ranked]:
        """The best candidates, best first. Repeated ones, those that cannot be read, and, without `include_known`,
        those that the predictor was fitted on are left out."""
        places, best, problems = self._fitted().rank(self._texts(X), top, include_known)
        if problems and not places:
            raise UsageError(problems[0])
        return [Ranked(*one) for one in zip(places, *best)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file that `metaqnn predict --model` reads."""
        self._fitted().save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], threads: int = 0) -> Predictor:
        """What save(), or `metaqnn fit`, has written."""
        model = _metaqnn.load_model(path, threads)
        predictor = cls(
            model.method,
            model.tokens if model.has_strings else None,
            model.minimize,
            input=model.input,
            budget=model.budget or None,
            failures=model.failures,
            threads=threads,
        )
        predictor.model_ = model
        return predictor

    @property
    def hyperparameters_(self) -> dict[str, float]:
        """What was chosen when it was fitted."""
        return dict(self._fitted().hyperparameters)

    def _texts(self, X: Any) -> list[str]:
        model = self._fitted()
        column = self.architecture_column if model.has_strings else ""
        networks = as_networks(X, column, model.features)
        features = model.features
        if model.budget and model.budget not in networks.columns:
            features = [name for name in features if name != model.budget]
        return networks.texts(features, model.has_strings)

    def _fitted(self) -> _metaqnn.Model:
        if not hasattr(self, "model_"):
            raise UsageError("the predictor is not fitted yet; call fit")
        return self.model_

    model_: _metaqnn.Model
