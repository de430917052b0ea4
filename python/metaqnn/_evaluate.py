"""Logs of results as tables, and how well predictors predict on them."""
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from metaqnn import _metaqnn
from metaqnn._errors import UsageError
from metaqnn._networks import as_log
from metaqnn._tables import DataFrame, data_frame, spread_measures

Path = str | os.PathLike[str]


def open_log(
    log: Path,
    *,
    target: str = "",
    architecture_column: str | None = None,
    features: Sequence[str] = (),
    measures: Sequence[str] = (),
    minimize: bool | None = None,
    unit: str = "",
    budget: str = "",
    study_name: str = "",
    header: bool = True,
    keeps_constant_features: bool = False,
) -> _metaqnn.Log:
    """A file of results, or a study by its URL. The arguments are those of the program's options (docs/logs.md)."""
    options = _metaqnn.LogOptions(
        architecture_column=architecture_column,
        target=target,
        features=list(features),
        keeps_constant_features=keeps_constant_features,
        measures=list(measures),
        minimize=minimize,
        unit=unit,
        budget=budget,
        study_name=study_name,
        has_header=header,
    )
    return _metaqnn.read_log(os.fspath(log), options)


def read_log(log: Path, **reading: Any) -> DataFrame:
    """A row for each network that was tried: a file of results in any form that metaqnn reads, or a study by its URL.

    target: column of the result; architecture_column, features: what describes a network; measures: other columns of
    numbers; minimize: whether less is better; unit="percent"; budget; study_name: of an Optuna storage; header. Where
    they say nothing the form of the file does (docs/logs.md).

    The result stands under its name, NaN where there is none; `state` and `reason` say why. frame.attrs holds `target`,
    `minimize`, `features` and `problems`, a line for each row that was left out.
    """
    opened = open_log(log, **reading)
    columns = _without_empty(opened.columns(), opened.measure)
    if opened.features:
        columns = _with_features(columns, opened)
    frame = data_frame(spread_measures(columns, opened.measure), ["architecture", "state", "reason", opened.measure])
    frame[opened.measure] = frame[opened.measure].astype("float64")
    frame.attrs.update(
        target=opened.measure, minimize=opened.minimize, features=opened.features, problems=opened.problems
    )
    return frame


_NOTHING: tuple[Any, ...] = (None, "", [])


def _without_empty(columns: dict[str, list[Any]], measure: str) -> dict[str, list[Any]]:
    """A form of file has few of all the columns that there are."""
    kept = {"architecture", "state", "reason", "measures", measure}
    return {name: cells for name, cells in columns.items() if name in kept or any(c not in _NOTHING for c in cells)}


def _with_features(columns: dict[str, list[Any]], opened: _metaqnn.Log) -> dict[str, list[Any]]:
    """The texts of networks that columns describe taken apart: metaqnn/datasets/logs/log.h, described()."""
    described = [json.loads(text) for text in columns.pop("architecture")]
    apart: dict[str, list[Any]] = {}
    if opened.has_strings:
        apart["architecture"] = [text for text, _ in described]
        described = [cells for _, cells in described]
    for name in opened.features:
        apart[name] = [cells.get(name) for cells in described]
    return apart | columns


def evaluate(
    log: Path | None = None,
    *,
    X: Any = None,
    y: Any = None,
    train: Path | None = None,
    test: Path | None = None,
    folds: int = 0,
    train_size: int | Sequence[int] = (),
    repeats: int = 3,
    methods: Sequence[str] | None = None,
    top: int = 10,
    tokens: str | None = None,
    input: str | None = None,
    failures: str = "as-chance",
    unlabelled: Sequence[str] = (),
    exact: bool = False,
    seed: int = 0,
    threads: int = 0,
    **reading: Any,
) -> DataFrame:
    """How well methods predict networks that they were not fitted on: a row for each method and size of training set.

    Of `log` (or of X and y, as Predictor.fit() takes them) either in `folds`, or fitted on `train_size` networks drawn
    at random and tested on the rest; several sizes make a learning curve. Or fitted on the log `train` and tested on
    `test`. methods: all, where it is None. The other arguments are those of Predictor and read_log(). Figures are means
    over the repeats, *_std their deviations; metaqnn evaluate --help says what each means.
    """
    sizes = [train_size] if isinstance(train_size, int) else list(train_size)
    if sum([log is not None, X is not None, train is not None]) != 1 or (train is None) != (test is None):
        raise UsageError("give a log, X with y, or train with test")
    if train is None and (folds > 0) == bool(sizes):
        raise UsageError("give either folds or train_size")
    if top < 1:
        raise UsageError(f"top is {top}; the best of the predicted are 1 at least")
    if X is not None:
        opened = as_log(
            X,
            y,
            failed=None,
            minimize=bool(reading.pop("minimize", False)),
            architecture_column=reading.pop("architecture_column", None),
            budget=reading.pop("budget", None),
        )
        if reading:
            raise UsageError(f"{next(iter(reading))} says how a log is read, and there is X in its place")
    else:
        opened = open_log(log if log is not None else train or "", **reading)
    second = open_log(test, **_read_alike(reading, opened)) if test is not None else None
    columns = _metaqnn.evaluate(
        opened,
        second,
        _metaqnn.Split(folds, sizes, repeats),
        _metaqnn.Reading(tokens or "", input, failures),
        list(_metaqnn.method_names() if methods is None else methods),
        list(unlabelled),
        exact,
        top,
        seed,
        threads if threads > 0 else len(os.sched_getaffinity(0)),
    )
    return data_frame(columns, [])


def _read_alike(reading: dict[str, Any], opened: _metaqnn.Log) -> dict[str, Any]:
    """A second log by the columns of the first, some of which may be the same in all of its rows."""
    if not opened.features:
        return reading
    alike = reading | {"features": opened.features, "keeps_constant_features": True, "budget": opened.budget}
    return alike if opened.has_strings else alike | {"architecture_column": ""}
