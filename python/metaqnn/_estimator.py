"""A scikit-learn estimator where scikit-learn is there, and the little of one that is needed where it is not."""
from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np


class _Estimator:
    """Parameters are the arguments of the constructor, kept under their names."""

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Any:
        """Changes parameters, and returns the estimator."""
        for name, value in params.items():
            if name not in self._names():
                raise ValueError(f"there is no parameter {name!r}; there are {', '.join(self._names())}")
            setattr(self, name, value)
        return self

    def score(self, X: Any, y: Any) -> float:
        """R2 of the predictions."""
        truth = np.asarray(y, dtype=np.float64)
        predicted = np.asarray(self.predict(X), dtype=np.float64)
        return float(1 - np.sum((truth - predicted) ** 2) / np.sum((truth - truth.mean()) ** 2))

    def predict(self, X: Any) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [f"{name}={value!r}" for name, value in self.get_params().items() if value != defaults[name].default]
        return f"{type(self).__name__}({', '.join(changed)})"


if TYPE_CHECKING:
    Estimator = _Estimator
else:
    try:
        from sklearn.base import BaseEstimator, RegressorMixin
    except ImportError:
        Estimator = _Estimator
    else:

        class Estimator(RegressorMixin, BaseEstimator):
            pass
