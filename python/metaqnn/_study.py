"""What has a search done so far, and what shall be tried next?"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from metaqnn import _metaqnn
from metaqnn._errors import UsageError
from metaqnn._space import Config, as_configuration
from metaqnn._tables import DataFrame, data_frame, spread_measures


_LONGEST_LEASE = 366 * 86400


class Reservation(NamedTuple):
    """A network that ask() has reserved."""

    trial: int
    architecture: str
    epsilon: float


class Trial(NamedTuple):
    """What became of a network."""

    number: int
    architecture: str
    state: str  # complete, failed, ...
    value: float | None  # of what the study searches for
    measures: dict[str, float]
    reason: str  # why it failed


class Study:
    """A study by its URL: sqlite:///relative.db, sqlite:////absolute.db or postgresql://user@host/database.

    As a context manager it gives back, at the end, what was reserved in it and not told. It may be used from several
    threads and processes, and pickled.
    """

    def __init__(self, url: str, patience: float = 60) -> None:
        """The study must be there. `patience`: seconds to wait for a lock or a server."""
        if not 0 <= patience <= 86400:
            raise UsageError(f"patience is {patience}; give seconds, from 0 to 86400")
        self._url, self._patience = url, patience
        self._study = _metaqnn.Study(url, patience)

    @classmethod
    def create(cls, url: str, config: Config, exist_ok: bool = False) -> Study:
        """Makes a study of a configuration, a TOML file or a mapping of its sections.

        Where it is there already: UsageError; with `exist_ok` it is opened, if it was made with this configuration, so
        that several processes may begin alike.
        """
        configuration = as_configuration(config)
        if not (exist_ok and _metaqnn.study_exists(url)):
            try:
                _metaqnn.create_study(url, configuration)
                return cls(url)
            except UsageError:
                if not (exist_ok and _metaqnn.study_exists(url)):
                    raise
        study = cls(url)
        difference = study._study.difference(configuration)
        if difference:
            raise UsageError(f"{study.url} is another study: {difference}")
        return study

    def ask(self, count: int = 1, lease: float = 3600) -> list[Reservation]:
        """Reserves the next networks, for so many seconds; fewer, or none, where the schedule is done, the space
        exhausted or the rest reserved."""
        if count < 1:
            raise UsageError(f"count is {count}; ask for 1 network at least")
        if not 1 <= lease <= _LONGEST_LEASE:
            raise UsageError(f"lease is {lease}; give seconds, from 1 to {_LONGEST_LEASE}")
        return [Reservation(*one) for one in self._study.ask(count, lease)]

    def tell(
        self,
        trial: int | Reservation,
        value: float | None = None,
        *,
        measures: Mapping[str, float] | None = None,
        curve: Sequence[float] | Sequence[Mapping[str, float]] = (),
        failed: str | None = None,
    ) -> Trial:
        """Stores what became of a network, and returns it as it is stored.

        value: of what the study searches for; an accuracy is a fraction. measures: others by their names. curve: the
        value after each epoch, or figures by name (training_loss, validation_accuracy, ...). failed: why there is no
        value; "not learning" counts as a model. Raises UsageError, and changes nothing, where it has a result already.
        """
        number = trial.trial if isinstance(trial, Reservation) else int(trial)
        epochs = [self._epoch(figures) for figures in curve]
        told = {name: float(each) for name, each in (measures or {}).items()}
        return Trial(*self._study.tell(number, None if value is None else float(value), told, epochs, failed))

    def _epoch(self, figures: float | Mapping[str, float]) -> dict[str, float]:
        if isinstance(figures, Mapping):
            return {name: float(figure) for name, figure in figures.items()}
        return {self._measure[0]: float(figures)}

    def give_back(self) -> int:
        """What this object has reserved and not told waits again, with no attempt more. Returns how many."""
        return self._study.give_back()

    @property
    def best(self) -> Trial | None:
        """The complete trial with the best value, the first of equals."""
        found = self._study.best()
        return Trial(*found) if found else None

    def trials(self) -> DataFrame:
        """A row for each network in the order of proposal, with a column for each measure beside `value`."""
        columns = spread_measures(self._study.trials(), self._measure[0])
        return data_frame(columns, ["number", "architecture", "state", "value"])

    def samples(self) -> DataFrame:
        """A row for each walk of the agent, several of which may have led to one network."""
        return data_frame(self._study.samples(), ["number", "trial", "architecture", "value", "epsilon", "sequence"])

    def q_values(self) -> DataFrame:
        """A row for each choice that a walk took in a state: what Q-learning has come to value it at. Raises UsageError
        where results are worth no reward from 0 to 1."""
        return data_frame(self._study.q_values(), ["depth", "type", "choice", "q", "visits"])

    @property
    def url(self) -> str:
        """Without a password."""
        return self._study.url

    @property
    def measure(self) -> str:
        """What is searched for."""
        return self._measure[0]

    @property
    def minimize(self) -> bool:
        """Whether less of it is better."""
        return self._measure[1]

    @property
    def configuration(self) -> str:
        """As TOML, every key of it."""
        return self._study.configuration().toml()

    @property
    def _measure(self) -> tuple[str, bool]:
        return self._study.measure()

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()

    def __reduce__(self) -> tuple[Any, ...]:
        return Study, (self._url, self._patience)

    def __repr__(self) -> str:
        return f"Study({self.url!r})"
