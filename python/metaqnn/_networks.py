"""What users call X, as the library reads networks: strings, columns of cells, or both."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metaqnn import _metaqnn
from metaqnn._errors import UsageError


@dataclass
class Networks:
    """As many strings, or cells of each column, as there are networks."""

    strings: list[str] | None = None
    columns: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0

    def varying(self) -> dict[str, list[str]]:
        """Columns that are not the same in all rows: those tell networks apart."""
        return {name: cells for name, cells in self.columns.items() if len(set(cells)) > 1}

    def texts(self, features: Sequence[str], has_strings: bool) -> list[str]:
        """Each network as one text, by the columns that a model knows."""
        if has_strings and self.strings is None:
            raise UsageError("X has no strings, and the predictor was fitted on networks that have them")
        missing = [name for name in features if name not in self.columns]
        if missing:
            raise UsageError(f"X has no column {missing[0]!r}, which the predictor was fitted on")
        columns = [(name, self.columns[name]) for name in features]
        return _metaqnn.describe_networks(self.strings if has_strings else None, columns, self.rows)


def as_networks(X: Any, architecture_column: str | None = None, features: Sequence[str] = ()) -> Networks:
    """X is a list, an array or a column of strings; or an array of rows, or a data frame.

    Of a frame the strings are in the column of that name ("": there are none), else in `net` or `architecture`, else
    in the only column of text. Columns of a category, and those that are known to be, are `features`.
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        return _of_frame(X, architecture_column, features)
    if isinstance(X, (str, bytes)):
        raise UsageError("X is one string; give a list of strings")
    values = X.tolist() if hasattr(X, "tolist") else list(X)
    if any(isinstance(value, (list, tuple, np.ndarray)) for value in values):
        return _of_rows(values)
    for place, value in enumerate(values):
        if not isinstance(value, str):
            raise UsageError(f"X holds {value!r} at row {place}, no string; give strings, rows, or a data frame")
    return Networks(strings=[str(value) for value in values], rows=len(values))


def _of_rows(values: list[Any]) -> Networks:
    width = len(values[0])
    if any(len(row) != width for row in values):
        raise UsageError("rows of X differ in their number of columns")
    columns = {f"x{i}": _cells(row[i] for row in values) for i in range(width)}
    return Networks(columns=columns, rows=len(values))


def _of_frame(X: Any, architecture_column: str | None, features: Sequence[str]) -> Networks:
    names = [str(name) for name in X.columns]
    if len(set(names)) < len(names):
        raise UsageError("columns of X have the same name twice")
    values = {str(name): X[name].tolist() for name in X.columns}
    strings_in = _architecture_column(X, values, architecture_column, features)
    columns = {name: _cells(cells) for name, cells in values.items() if name != strings_in}
    if strings_in is None:
        return Networks(columns=columns, rows=len(X))
    strings = _cells(values[strings_in])
    if "" in strings:
        raise UsageError(f"column {strings_in!r} of X has no string at row {strings.index('')}")
    return Networks(strings, columns, len(X))


def _architecture_column(
    X: Any, values: dict[str, list[Any]], wanted: str | None, features: Sequence[str]
) -> str | None:
    if wanted is not None:
        if wanted and wanted not in values:
            raise UsageError(f"X has no column {wanted!r} of strings; it has {', '.join(values)}")
        return wanted or None
    for name in ("net", "architecture"):
        if name in values:
            return name
    texts = [
        name
        for name, dtype in zip(values, X.dtypes)
        if name not in features and str(dtype) != "category" and any(isinstance(value, str) for value in values[name])
    ]
    if len(texts) > 1:
        raise UsageError(
            f"X has several columns of text, {', '.join(texts)}; name the one with the networks' strings "
            "(architecture_column; '' where there is none), or make those of choices a category"
        )
    return texts[0] if texts else None


def _cells(values: Iterable[Any]) -> list[str]:
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    """As a table of text would hold it; "" where nothing is known."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else repr(float(value))
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    return str(value)


def as_targets(y: Any, rows: int) -> list[float]:
    """One finite number for each network."""
    targets = [float(value) for value in np.asarray(y, dtype=np.float64).ravel()]
    if len(targets) != rows:
        raise UsageError(f"y has {len(targets)} values, X has {rows} networks")
    for place, value in enumerate(targets):
        if not np.isfinite(value):
            raise UsageError(f"y is {value} at row {place}; leave out networks without a result")
    return targets


def as_log(
    X: Any, y: Any, *, failed: Any, minimize: bool, architecture_column: str | None, budget: str | None
) -> _metaqnn.Log:
    """Networks and what is known of them."""
    networks = as_networks(X, architecture_column)
    targets = as_targets(y, networks.rows)
    columns = networks.varying()
    if networks.strings is None and not columns:
        raise UsageError("nothing in X tells its networks apart")
    flags = [False] * networks.rows if failed is None else [bool(flag) for flag in failed]
    if len(flags) != networks.rows:
        raise UsageError(f"failed has {len(flags)} values, X has {networks.rows} networks")
    name = getattr(y, "name", None)
    return _metaqnn.make_log(
        networks.strings,
        list(columns.items()),
        targets,
        flags,
        name if isinstance(name, str) else "target",
        minimize,
        budget if budget in columns else "",
    )
