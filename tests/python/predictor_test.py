"""The Predictor: equal to the program, and a scikit-learn estimator."""
from __future__ import annotations

import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import numpy as np

import metaqnn
from networks import predictions, program, some_networks, some_values, write_table

try:
    import pandas
except ImportError:
    pandas = None
try:
    import sklearn
except ImportError:
    sklearn = None

NETWORKS = some_networks(60)
VALUES = some_values(NETWORKS)
OTHERS = some_networks(25, seed=9)


class EqualsTheProgram(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def program_predicts(self, columns, candidates, *options):
        write_table(self.folder / "log.csv", columns)
        write_table(self.folder / "candidates.csv", candidates)
        model = self.folder / "log.model"
        program("fit", "--log", self.folder / "log.csv", "-o", model, *options)
        return predictions(model, self.folder / "candidates.csv")

    def test_with_every_method_to_the_last_bit(self):
        for method in metaqnn.method_names():
            with self.subTest(method):
                theirs = self.program_predicts(
                    {"net": NETWORKS, "value": VALUES}, {"net": OTHERS}, "--method", method
                )
                means, deviations = metaqnn.Predictor(method).fit(NETWORKS, VALUES).predict(OTHERS, return_std=True)
                self.assertEqual(list(means), theirs[0])
                known = [None if np.isnan(deviation) else deviation for deviation in deviations]
                self.assertEqual(known, theirs[1])

    def test_where_less_is_better_with_a_seed_and_strings_of_another_alphabet(self):
        letters = [f"a{i % 5}|b{i % 7}|c{i % 3}" for i in range(50)]
        values = [float(i % 5 + i % 7) for i in range(50)]
        options = ["--minimize", "--tokens", "|", "--seed", "7", "--method", "combined"]
        theirs = self.program_predicts({"net": letters, "value": values}, {"net": letters[:20]}, *options)
        predictor = metaqnn.Predictor(tokens="|", minimize=True, seed=7).fit(letters, values)
        self.assertEqual(list(predictor.predict(letters[:20])), theirs[0])

    @unittest.skipIf(pandas is None, "pandas is not installed")
    def test_of_strings_numbers_and_categories_in_a_data_frame(self):
        rates = [10 ** -(1 + i % 4) * (1 + i / 100) for i in range(60)]
        kinds = [["adam", "sgd", "rmsprop"][i % 3] for i in range(60)]
        table = {"cell": NETWORKS, "rate": rates, "kind": kinds, "same": [1] * 60, "value": VALUES}
        options = ["--architecture-column", "cell", "--features", "rate,kind,same", "--target", "value"]
        theirs = self.program_predicts(table, {"net": OTHERS, "rate": rates[:25], "kind": kinds[:25]}, *options)
        frame = pandas.DataFrame(table).astype({"kind": "category"})
        predictor = metaqnn.Predictor().fit(frame.drop(columns="value"), frame["value"])
        candidates = pandas.DataFrame({"kind": kinds[:25], "cell": OTHERS, "rate": rates[:25]})
        self.assertEqual(list(predictor.predict(candidates)), theirs[0])
        with self.assertRaisesRegex(metaqnn.UsageError, "no column 'rate'"):
            predictor.predict(candidates.drop(columns="rate"))

    def test_of_a_log_and_in_each_others_files(self):
        write_table(self.folder / "log.csv", {"net": NETWORKS, "loss": VALUES})
        ours = metaqnn.Predictor().fit_log(self.folder / "log.csv", minimize=True)
        theirs = self.program_predicts({"net": NETWORKS, "loss": VALUES}, {"net": OTHERS}, "--minimize")
        self.assertEqual(list(ours.predict(OTHERS)), theirs[0])
        ours.save(self.folder / "ours.model")
        self.assertEqual(predictions(self.folder / "ours.model", self.folder / "candidates.csv"), theirs)
        loaded = metaqnn.Predictor.load(self.folder / "log.model")
        self.assertTrue(loaded.minimize)
        self.assertEqual(list(loaded.predict(OTHERS)), theirs[0])


class Fits(unittest.TestCase):
    def test_arrays_of_strings_and_of_rows(self):
        listed = metaqnn.Predictor("lls").fit(NETWORKS, VALUES).predict(OTHERS)
        array = metaqnn.Predictor("lls").fit(np.array(NETWORKS), np.array(VALUES)).predict(np.array(OTHERS))
        np.testing.assert_array_equal(listed, array)
        rows = np.array([[i, i % 4] for i in range(40)], dtype=float)
        predictor = metaqnn.Predictor("rbf-ls").fit(rows, 2 * rows[:, 0] + rows[:, 1])
        self.assertGreater(predictor.score(rows, 2 * rows[:, 0] + rows[:, 1]), 0.99)

    def test_and_predicts_nothing_for_nothing(self):
        predictor = metaqnn.Predictor("lls").fit(NETWORKS, VALUES)
        self.assertEqual(predictor.predict([]).shape, (0,))
        self.assertEqual(predictor.rank([]), [])

    def test_failures_as_it_is_told(self):
        values = VALUES[:50] + [0.1] * 10
        failed = [False] * 50 + [True] * 10
        at_chance = metaqnn.Predictor("nearest").fit(NETWORKS, values, failed=failed)
        left_out = metaqnn.Predictor("nearest", failures="exclude").fit(NETWORKS, values, failed=failed)
        self.assertLess(max(at_chance.predict(NETWORKS[50:])), 0.11)
        self.assertGreater(min(left_out.predict(NETWORKS[50:])), 0.4)

    def test_nothing_that_it_cannot_read(self):
        fit = metaqnn.Predictor("mean").fit
        for X, y, what in [
            (NETWORKS, VALUES[:-1], "y has 59 values, X has 60"),
            (NETWORKS, [float("nan")] * 60, "y is nan at row 0"),
            (NETWORKS[0], [1.0], "one string"),
            ([1.0, 2.0], [1.0, 2.0], "row 0, no string"),
            ([[1, 2], [3]], [1.0, 2.0], "differ in their number of columns"),
            ([[1, 2], [1, 2]], [1.0, 2.0], "tells its networks apart"),
        ]:
            with self.subTest(what), self.assertRaisesRegex(metaqnn.UsageError, what):
                fit(X, y)
        with self.assertRaisesRegex(metaqnn.UsageError, "nearest|combined"):
            metaqnn.Predictor("combin").fit(NETWORKS, VALUES)
        with self.assertRaisesRegex(metaqnn.UsageError, "not fitted"):
            metaqnn.Predictor().predict(NETWORKS)
        with self.assertRaisesRegex(metaqnn.UsageError, "architecture 2 of 2"):
            fit(NETWORKS, VALUES).predict([NETWORKS[0], "nonsense"])

    @unittest.skipIf(pandas is None, "pandas is not installed")
    def test_no_frame_whose_strings_it_cannot_tell(self):
        frame = pandas.DataFrame({"a": NETWORKS, "b": NETWORKS})
        with self.assertRaisesRegex(metaqnn.UsageError, "several columns of text, a, b"):
            metaqnn.Predictor("mean").fit(frame, VALUES)
        metaqnn.Predictor("lls", architecture_column="a").fit(frame.astype({"b": "category"}), VALUES)


class Ranks(unittest.TestCase):
    def test_the_best_first_in_its_direction_with_their_rows(self):
        for minimize in (False, True):
            predictor = metaqnn.Predictor("lls", minimize=minimize).fit(NETWORKS, VALUES)
            candidates = [NETWORKS[0], *OTHERS, OTHERS[0], "nonsense"]
            best = predictor.rank(candidates, top=5)
            self.assertEqual(len(best), 5)
            for one in best:
                self.assertEqual(candidates[one.row], one.architecture)
                self.assertNotIn(one.architecture, NETWORKS)
            values = [one.prediction for one in best]
            self.assertEqual(values, sorted(values, reverse=not minimize))
        self.assertEqual(len(predictor.rank(NETWORKS, include_known=True)), 10)
        with self.assertRaises(metaqnn.UsageError):
            predictor.rank(["nonsense"])


class IsAnEstimator(unittest.TestCase):
    def test_with_parameters_that_can_be_read_and_set(self):
        predictor = metaqnn.Predictor("lls", seed=3)
        self.assertEqual(predictor.get_params()["seed"], 3)
        self.assertEqual(predictor.set_params(seed=4).seed, 4)
        with self.assertRaises(ValueError):
            predictor.set_params(sead=4)

    def test_that_pickles_and_predicts_the_same(self):
        for method in ("combined", "ed-mr"):
            predictor = metaqnn.Predictor(method, unlabelled=OTHERS[:5]).fit(NETWORKS, VALUES)
            again = pickle.loads(pickle.dumps(predictor))
            self.assertEqual(again.get_params(), predictor.get_params())
            for one, other in zip(predictor.predict(OTHERS, return_std=True), again.predict(OTHERS, return_std=True)):
                np.testing.assert_array_equal(one, other)

    @unittest.skipIf(sklearn is None, "scikit-learn is not installed")
    def test_for_cross_val_score_grid_search_and_clone(self):
        from sklearn.base import clone, is_regressor
        from sklearn.model_selection import GridSearchCV, cross_val_score

        predictor = metaqnn.Predictor("lls", seed=3)
        self.assertTrue(is_regressor(predictor))
        self.assertEqual(clone(predictor).get_params(), predictor.get_params())
        for X in (NETWORKS, np.array(NETWORKS)):
            self.assertGreater(cross_val_score(predictor, X, VALUES, cv=3).min(), 0.8)
        grid = GridSearchCV(predictor, {"method": ["mean", "lls"], "seed": [1]}, cv=3, n_jobs=2)
        grid.fit(NETWORKS, VALUES)
        self.assertEqual(grid.best_params_["method"], "lls")
        self.assertEqual(len(grid.predict(OTHERS)), len(OTHERS))

    @unittest.skipIf(sklearn is None or pandas is None, "scikit-learn or pandas is not installed")
    def test_for_cross_val_score_on_a_data_frame(self):
        from sklearn.model_selection import cross_val_score

        frame = pandas.DataFrame({"net": NETWORKS, "rate": [1 + i % 7 for i in range(60)]})
        self.assertGreater(cross_val_score(metaqnn.Predictor(), frame, VALUES, cv=3).min(), 0.8)

    def test_without_scikit_learn_and_pandas_too(self):
        code = (
            "import sys\n"
            "sys.modules['sklearn'] = sys.modules['pandas'] = None\n"
            "import metaqnn, pickle\n"
            f"networks, values = {NETWORKS!r}, {VALUES!r}\n"
            "predictor = metaqnn.Predictor('lls').fit(networks, values)\n"
            "assert predictor.score(networks, values) > 0.8\n"
            "assert repr(predictor) == \"Predictor(method='lls')\", predictor\n"
            "assert predictor.set_params(seed=4).get_params()['seed'] == 4\n"
            "pickle.loads(pickle.dumps(predictor)).predict(networks)\n"
            "try:\n"
            "    metaqnn.evaluate(X=networks, y=values, folds=3, methods=['mean'])\n"
            "except metaqnn.FailureError as error:\n"
            "    assert 'pandas' in str(error)\n"
            "else:\n"
            "    raise AssertionError\n"
            "assert not any('torch' in line for line in open('/proc/self/maps')), 'LibTorch is loaded'\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


class LongFits(unittest.TestCase):
    MANY = some_networks(900, seed=5)

    def test_end_at_ctrl_c_and_the_next_is_as_ever(self):
        metaqnn.Predictor("lls").fit(NETWORKS, VALUES)
        threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
        with self.assertRaises(KeyboardInterrupt):
            while True:  # a fit of which each takes some seconds
                metaqnn.Predictor(threads=1).fit(self.MANY, some_values(self.MANY))
        metaqnn.Predictor("lls").fit(NETWORKS, VALUES)

    def test_leave_other_threads_of_python_running(self):
        fit = threading.Thread(target=metaqnn.Predictor(threads=1).fit, args=(self.MANY, some_values(self.MANY)))
        fit.start()
        turns = 0
        while fit.is_alive():
            turns += 1
            time.sleep(0.001)
        self.assertGreater(turns, 100)


if __name__ == "__main__":
    unittest.main()
