"""Tables for pandas, which is asked for only where one is made."""
from __future__ import annotations

from importlib import import_module
from typing import Any

from metaqnn._errors import FailureError

# A pandas.DataFrame, whose types are not there where pandas is not.
DataFrame = Any

# Columns of numbers in which some may not be known.
_WHOLE = {"parameters", "macs", "memory_bytes", "attempts", "sequence"}
_REAL = {"validation_accuracy", "value", "prediction", "epsilon", "learning_rate", "seconds", "images_per_second"}


def data_frame(columns: dict[str, list[Any]], names: list[str]) -> DataFrame:
    """The columns as a frame, in which what is not known is NaN; of the names alone where there is no row."""
    try:
        pandas = import_module("pandas")
    except ImportError as missing:
        raise FailureError("data frames need pandas, which cannot be imported (Debian: python3-pandas)") from missing
    frame = pandas.DataFrame(columns if columns else {name: [] for name in names})
    for name in frame.columns:
        if name in _REAL:
            frame[name] = frame[name].astype("float64")
        elif name in _WHOLE:
            frame[name] = frame[name].astype("Int64")
    return frame


def spread_measures(columns: dict[str, list[Any]], known: str) -> dict[str, list[Any]]:
    """Instead of the column of dictionaries `measures` one of each measure, but for those that have a column."""
    rows = columns.pop("measures", [])
    names = sorted({name for row in rows for name in row})
    for name in names:
        if name != known and name not in columns:
            columns[name] = [row.get(name, float("nan")) for row in rows]
    return columns
