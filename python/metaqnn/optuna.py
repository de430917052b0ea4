"""An Optuna sampler: what a Gaussian process of metaqnn thinks of parameters that nobody has tried.

>>> study = optuna.create_study(sampler=metaqnn.optuna.Sampler(seed=1))
"""
from __future__ import annotations

import math
import random
import statistics
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from metaqnn import _metaqnn
from metaqnn._errors import UsageError

Distributions = dict[str, BaseDistribution]
Parameters = dict[str, Any]

# How often something is tried of which the process can say nothing: a choice that no trial has made yet.
_UNTRIED = 0.2


class Sampler(BaseSampler):
    """For one objective and categorical, whole and real parameters.

    The first `initial` trials are drawn at random. From then on a Gaussian process is fitted on the normal scores of the
    results, and of `candidates` (random ones, and the best with a parameter or two changed) that of the largest mean +
    `exploration` deviations is tried next; as the strategy guided does for networks. Parameters that not all trials have
    are drawn at random.
    """

    def __init__(
        self, seed: int = 0, *, initial: int = 15, exploration: float = 2.0, candidates: int = 2000, threads: int = 1
    ) -> None:
        self._seed, self._initial, self._exploration = seed, initial, exploration
        self._candidates, self._threads = candidates, threads

    def reseed_rng(self) -> None:
        """Draws depend on the seed and the number of the trial alone, so that workers draw differently already."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> Distributions:
        """The parameters that all complete trials have, with the same distribution."""
        if len(study.directions) > 1:
            raise UsageError("metaqnn.optuna.Sampler is for one objective")
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(complete) < self._initial:
            return {}
        shared = dict(complete[0].distributions)
        for other in complete[1:]:
            shared = {name: one for name, one in shared.items() if other.distributions.get(name) == one}
        return {name: one for name, one in shared.items() if not one.single()}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Distributions) -> Parameters:
        if not search_space:
            return {}
        known, values = _results(study, trial, search_space)
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        draw = random.Random(f"{self._seed} {trial.number}")
        best = sorted(range(len(values)), key=lambda i: -sign * values[i])[: self._initial]
        candidates = [_near(search_space, known[draw.choice(best)], draw) for _ in range(self._candidates // 2)]
        candidates += [_anywhere(search_space, draw) for _ in range(self._candidates - len(candidates))]
        tried = {_cells(search_space, parameters) for parameters in known}
        candidates = [each for each in candidates if _cells(search_space, each) not in tried]
        process = self._process(search_space, known, values, sign < 0)
        if process is None or not candidates:
            return {}
        texts = _texts(search_space, candidates, process.features)
        familiar = [i for i, text in enumerate(texts) if not process.problem(text)]
        if not familiar or (len(familiar) < len(texts) and draw.random() < _UNTRIED):
            return candidates[draw.choice(sorted(set(range(len(texts))) - set(familiar)))]
        _, means, deviations, _ = process.predict([texts[i] for i in familiar])
        bounds = [sign * mean + self._exploration * deviation for mean, deviation in zip(means, deviations)]
        return candidates[familiar[bounds.index(max(bounds))]]

    def _process(
        self, space: Distributions, known: list[Parameters], values: list[float], minimize: bool
    ) -> _metaqnn.Model | None:
        """None where nothing is to be learned."""
        columns = [
            (name, cells) for name, cells in _columns(space, known, list(space)) if len(set(cells)) > 1
        ]
        if not columns or len(set(values)) < 2:
            return None
        log = _metaqnn.make_log(None, columns, _normal_scores(values), [False] * len(values), "value", minimize, "")
        reading = _metaqnn.Reading("", None, "exclude")
        return _metaqnn.fit(log, "rbf-ls", reading, [], None, False, self._seed, self._threads)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return _drawn(param_distribution, random.Random(f"{self._seed} {trial.number} {param_name}"))


def _results(study: Study, trial: FrozenTrial, space: Distributions) -> tuple[list[Parameters], list[float]]:
    """What is known; of trials in hand the mean is taken, so that nobody else tries what is near them."""
    known: list[Parameters] = []
    values: list[float] = []
    for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        if other.value is not None and math.isfinite(other.value):
            known.append(other.params)
            values.append(other.value)
    mean = sum(values) / len(values) if values else 0.0
    for other in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if other.number != trial.number and all(name in other.params for name in space):
            known.append(other.params)
            values.append(mean)
    return known, values


def _normal_scores(values: list[float]) -> list[float]:
    """What a normal distribution has at their ranks, so that a few bad results do not rule the process."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    normal = statistics.NormalDist()
    scores = {
        value: normal.inv_cdf((sum(equal) / len(equal) + 0.5) / len(values)) for value, equal in places.items()
    }
    return [scores[value] for value in values]


def _drawn(distribution: BaseDistribution, draw: random.Random) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return draw.choice(distribution.choices)
    if isinstance(distribution, IntDistribution):
        steps = (distribution.high - distribution.low) // (distribution.step or 1)
        if not distribution.log:
            return distribution.low + (distribution.step or 1) * draw.randint(0, steps)
        drawn = math.exp(draw.uniform(math.log(distribution.low - 0.5), math.log(distribution.high + 0.5)))
        return min(max(round(drawn), distribution.low), distribution.high)
    if isinstance(distribution, FloatDistribution):
        if distribution.step is not None:
            steps = round((distribution.high - distribution.low) / distribution.step)
            return min(distribution.low + distribution.step * draw.randint(0, steps), distribution.high)
        if not distribution.log:
            return draw.uniform(distribution.low, distribution.high)
        drawn = math.exp(draw.uniform(math.log(distribution.low), math.log(distribution.high)))
        return min(max(drawn, distribution.low), distribution.high)
    raise UsageError(f"metaqnn.optuna.Sampler knows no {type(distribution).__name__}")


def _anywhere(space: Distributions, draw: random.Random) -> Parameters:
    return {name: _drawn(distribution, draw) for name, distribution in space.items()}


def _near(space: Distributions, parameters: Parameters, draw: random.Random) -> Parameters:
    """Some parameters drawn anew, numbers mostly near where they were."""
    near = {name: parameters[name] for name in space}
    for name in draw.sample(list(space), draw.randint(1, min(2, len(space)))):
        drawn, distribution = _drawn(space[name], draw), space[name]
        if isinstance(distribution, FloatDistribution) and distribution.step is None and draw.random() < 0.7:
            share = draw.random() ** 2  # of the way there
            if distribution.log:
                drawn = math.exp((1 - share) * math.log(near[name]) + share * math.log(drawn))
            else:
                drawn = (1 - share) * near[name] + share * drawn
            drawn = min(max(drawn, distribution.low), distribution.high)
        near[name] = drawn
    return near


def _cells(space: Distributions, parameters: Parameters) -> tuple[str, ...]:
    return tuple(_cell(distribution, parameters[name]) for name, distribution in space.items())


def _cell(distribution: BaseDistribution, value: Any) -> str:
    """Numbers on the scale on which they are drawn; choices as texts, whatever they are."""
    if isinstance(distribution, CategoricalDistribution):
        return f"choice {distribution.to_internal_repr(value):.0f}"
    if isinstance(distribution, (IntDistribution, FloatDistribution)) and distribution.log:
        return repr(math.log(value))
    return repr(float(value))


def _columns(space: Distributions, rows: list[Parameters], names: list[str]) -> list[tuple[str, list[str]]]:
    return [(name, [_cell(space[name], parameters[name]) for parameters in rows]) for name in names]


def _texts(space: Distributions, rows: list[Parameters], names: list[str]) -> list[str]:
    return _metaqnn.describe_networks(None, _columns(space, rows, names), len(rows))
