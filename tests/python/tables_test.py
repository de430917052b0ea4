"""read_log() and evaluate()."""
from __future__ import annotations

import json
import math
import pathlib
import tempfile
import unittest

import metaqnn
from networks import program, some_networks, some_values, write_table

try:
    import pandas
except ImportError:
    pandas = None

NETWORKS = some_networks(60)
VALUES = some_values(NETWORKS)


@unittest.skipIf(pandas is None, "pandas is not installed")
class Tables(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.log = self.folder / "log.csv"

    def write(self, **columns):
        write_table(self.log, columns)

    def test_hold_a_row_for_each_network_with_its_value_or_why_there_is_none(self):
        self.write(net=NETWORKS[:3], val_loss=[0.25, 1e300 * 1e300, 0.1 + 0.2], size=[1, 2, 3])
        frame = metaqnn.read_log(self.log, target="val_loss", minimize=True, measures=["size"])
        self.assertEqual(list(frame["architecture"]), NETWORKS[:3])
        self.assertEqual([frame["val_loss"][0], frame["val_loss"][2]], [0.25, 0.1 + 0.2])
        self.assertTrue(math.isnan(frame["val_loss"][1]))
        self.assertEqual(list(frame["reason"]), ["", "infinite", ""])
        self.assertEqual(list(frame["size"])[::2], [1, 3])
        self.assertEqual(frame.attrs["target"], "val_loss")
        self.assertTrue(frame.attrs["minimize"])

    def test_hold_columns_that_describe_networks_apart(self):
        self.write(params_lr=[0.1, 0.01, 0.1], params_kind=["adam", "sgd", "sgd"], score=[1, 2, 3])
        frame = metaqnn.read_log(self.log)
        self.assertEqual(list(frame["params_lr"]), [0.1, 0.01, 0.1])
        self.assertEqual(list(frame["params_kind"]), ["adam", "sgd", "sgd"])
        self.assertNotIn("architecture", frame.columns)
        self.write(net=NETWORKS[:3], lr=[0.1, 0.01, 0.1], score=[1, 2, 3])
        frame = metaqnn.read_log(self.log, features=["lr"], target="score")
        self.assertEqual(list(frame["architecture"]), NETWORKS[:3])
        self.assertEqual(list(frame["lr"]), [0.1, 0.01, 0.1])

    def test_of_a_study_are_those_that_its_export_has(self):
        url = f"sqlite:///{self.folder}/letters.db"
        config = {
            "space": {"kind": "sequence", "template": "{}{}", "alphabet": ["a", "b"]},
            "strategy": {"kind": "random", "schedule": [[1.0, 4]]},
            "objective": {"measure": "score"},
            "evaluator": {"kind": "told"},
        }
        with metaqnn.Study.create(url, config) as study:
            for trial in study.ask(4):
                study.tell(trial, trial.architecture.count("a"), measures={"size": 2})
        program("export", "--study", url, "--format", "csv", "-o", self.log)
        of_study, of_file = metaqnn.read_log(url), metaqnn.read_log(self.log, measures=["size"])
        for name in ("architecture", "state", "score", "size"):
            self.assertEqual(list(of_study[name]), list(of_file[name]), name)

    def test_are_errors_where_nothing_can_be_read(self):
        with self.assertRaisesRegex(metaqnn.DataError, "none.csv"):
            metaqnn.read_log(self.folder / "none.csv")
        self.write(net=NETWORKS[:3], val_loss=[1, 2, 3])
        with self.assertRaisesRegex(metaqnn.UsageError, "val_loss"):
            metaqnn.read_log(self.log, target="val_los", minimize=True)

    def test_of_figures_are_those_of_the_program(self):
        self.write(net=NETWORKS, loss=VALUES)
        for ours, theirs in [
            ({"folds": 5, "repeats": 1}, ["--folds", "5", "--repeats", "1"]),
            ({"train_size": [20, 40], "repeats": 2}, ["--train-size", "20,40", "--repeats", "2"]),
        ]:
            frame = metaqnn.evaluate(self.log, minimize=True, methods=["combined", "mean"], seed=3, threads=1, **ours)
            options = ["--log", self.log, "--minimize", "--method", "combined", "--seed", 3, "--threads", 1]
            document = json.loads(program("evaluate", *options, *theirs, "--format", "json"))
            for size in document.get("sizes", [document]):
                combined = next(method for method in size["methods"] if method["method"] == "combined")
                row = frame[(frame["method"] == "combined") & (frame["train"] == size["train"])].iloc[0]
                for name in ("l2_loss", "r2", "kendall_tau", "spearman"):
                    self.assertEqual(row[name], combined[name], name)
                    if "folds" not in ours:
                        self.assertEqual(row[name + "_std"], combined[name + "_std"], name)
                self.assertEqual(row["top10_regret"], combined["top10"]["regret"])

    def test_of_figures_are_of_x_and_y_or_of_two_logs_too(self):
        self.write(net=NETWORKS, loss=VALUES)
        settings = {"methods": ["lls", "nearest"], "folds": 3, "repeats": 1}
        of_log = metaqnn.evaluate(self.log, minimize=True, **settings)
        of_lists = metaqnn.evaluate(X=NETWORKS, y=VALUES, minimize=True, **settings)
        self.assertEqual(list(of_log["r2"]), list(of_lists["r2"]))
        other = self.folder / "other.csv"
        write_table(other, {"net": some_networks(20, 7), "loss": some_values(some_networks(20, 7))})
        frame = metaqnn.evaluate(train=self.log, test=other, minimize=True, methods=["lls"])
        self.assertEqual(frame["train"][0], 60)
        self.assertGreater(frame["r2"][0], 0.5)

    def test_of_figures_are_errors_where_it_is_not_clear_what_is_wanted(self):
        self.write(net=NETWORKS, loss=VALUES)
        two_sources = {"folds": 3, "X": NETWORKS, "y": VALUES}
        for wrong in [{}, {"folds": 3, "train_size": 20}, two_sources, {"train": self.log}]:
            with self.subTest(wrong), self.assertRaises(metaqnn.UsageError):
                metaqnn.evaluate(self.log, minimize=True, **wrong)
        with self.assertRaisesRegex(metaqnn.UsageError, "target"):
            metaqnn.evaluate(X=NETWORKS, y=VALUES, folds=3, target="loss")
        with self.assertRaisesRegex(metaqnn.UsageError, "top is 0"):
            metaqnn.evaluate(X=NETWORKS, y=VALUES, folds=3, top=0)
        with self.assertRaisesRegex(metaqnn.UsageError, "combined"):
            metaqnn.evaluate(X=NETWORKS, y=VALUES, folds=3, methods=["combin"])


if __name__ == "__main__":
    unittest.main()
