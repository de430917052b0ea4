"""The Optuna sampler."""
from __future__ import annotations

import math
import unittest

import metaqnn

try:
    import optuna

    import metaqnn.optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
except ImportError:
    optuna = None


def bowl(trial):
    """0 at x = 1, rate = 0.01, kind = b, layers = 5."""
    x = trial.suggest_float("x", -5, 5)
    rate = trial.suggest_float("rate", 1e-5, 1, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    layers = trial.suggest_int("layers", 1, 8)
    trial.suggest_int("units", 16, 64, step=16)
    trial.suggest_int("batch", 1, 512, log=True)
    trial.suggest_float("dropout", 0, 0.5, step=0.1)
    trial.suggest_int("always", 3, 3)
    return (x - 1) ** 2 + (math.log10(rate) + 2) ** 2 + {"a": 3, "b": 0, None: 1}[kind] + abs(layers - 5)


def searched(sampler, objective=bowl, trials=40, direction="minimize"):
    study = optuna.create_study(sampler=sampler, direction=direction)
    study.optimize(objective, n_trials=trials)
    return study


@unittest.skipIf(optuna is None, "optuna is not installed")
class Sampler(unittest.TestCase):
    def test_comes_closer_than_chance_in_either_direction(self):
        chance = [searched(optuna.samplers.RandomSampler(seed=seed)).best_value for seed in range(3)]
        ours = [searched(metaqnn.optuna.Sampler(seed)).best_value for seed in range(3)]
        self.assertLess(sum(ours), 0.5 * sum(chance))
        best = searched(metaqnn.optuna.Sampler(), lambda trial: -bowl(trial), direction="maximize").best_value
        self.assertGreater(best, -0.5 * sum(chance) / 3)

    def test_draws_the_same_by_the_same_seed(self):
        first, again, other = (
            [trial.params for trial in searched(metaqnn.optuna.Sampler(seed), trials=20).trials] for seed in (1, 1, 2)
        )
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_tries_choices_that_no_trial_has_made(self):
        study = optuna.create_study(sampler=metaqnn.optuna.Sampler(initial=3))
        study.optimize(lambda trial: trial.suggest_categorical("choice", list(range(12))) % 7, n_trials=40)
        self.assertEqual(study.best_value, 0)
        self.assertGreater(len({trial.params["choice"] for trial in study.trials}), 8)

    def test_serves_parameters_that_only_some_trials_have_and_failures(self):
        def objective(trial):
            if trial.suggest_categorical("deep", [True, False]):
                return trial.suggest_float("width", 0, 1)
            if trial.number % 5 == 0:
                raise optuna.TrialPruned
            return trial.suggest_float("height", 1, 2)

        study = searched(metaqnn.optuna.Sampler(initial=5), objective, 30)
        self.assertTrue(study.best_params["deep"])

    def test_gives_trials_in_hand_different_parameters(self):
        study = searched(metaqnn.optuna.Sampler(), trials=20)
        in_hand = []
        for _ in range(4):
            trial = study.ask()
            bowl(trial)
            in_hand.append(trial.params)
        for i, params in enumerate(in_hand):
            self.assertNotIn(params, in_hand[:i])

    def test_is_for_one_objective(self):
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=metaqnn.optuna.Sampler())
        with self.assertRaisesRegex(metaqnn.UsageError, "one objective"):
            study.ask()


if __name__ == "__main__":
    unittest.main()
