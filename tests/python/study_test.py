"""Spaces and studies."""
from __future__ import annotations

import json
import multiprocessing
import os
import pathlib
import pickle
import signal
import tempfile
import threading
import unittest

import metaqnn
from networks import program

try:
    import pandas
except ImportError:
    pandas = None

LETTERS = {
    "seed": 3,
    "space": {"kind": "sequence", "template": "{}{}{}{}", "alphabet": ["a", "b", "c"]},
    "strategy": {"kind": "regularized_evolution", "schedule": [[1.0, 40]], "population": 8},
    "objective": {"measure": "score"},
    "evaluator": {"kind": "told"},
}


def worth(letters):
    return letters.count("a") + letters.count("b") / 10


def ask_and_tell(url):
    """Until nothing is left; how many were told."""
    told = 0
    with metaqnn.Study.create(url, LETTERS, exist_ok=True) as study:
        while reserved := study.ask(2):
            for trial in reserved:
                study.tell(trial, worth(trial.architecture))
                told += 1
    return told


class Spaces(unittest.TestCase):
    def test_draw_what_the_program_draws(self):
        space = metaqnn.Space(LETTERS)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "letters.toml")
            file.write_text(
                'seed = 3\n[space]\nkind = "sequence"\ntemplate = "{}{}{}{}"\nalphabet = ["a", "b", "c"]\n'
            )
            theirs = program("sample", "--config", file, "--count", 20).split()
            self.assertEqual(metaqnn.Space(file).sample(20), theirs)
            size = json.loads(program("space", "--config", file, "--format", "json"))
        self.assertEqual(space.sample(20), theirs)
        self.assertNotEqual(space.sample(20, seed=4), theirs)
        self.assertEqual(space.architectures, 81)
        self.assertEqual((space.states, space.transitions), (size["states"], size["transitions"]))
        with self.assertRaises(metaqnn.FailureError):
            space.sample(82)
        with self.assertRaises(metaqnn.UsageError):
            space.sample(-1)

    def test_say_why_they_do_not_allow_an_architecture(self):
        space = metaqnn.Space({"space": {"kind": "cnn", "input": "3x32x32", "classes": 10}})
        self.assertTrue(space.contains("[C(64,3,1), SM(10)]"))
        self.assertIn("[C(64,3,1), SM(10)]", space)
        refused = space.contains("[P(2,2), SM(10)]")
        self.assertFalse(refused)
        self.assertIn("layer 1, P(2,2): no pooling at the start", refused.reason)
        self.assertIn("column 1", space.contains("nonsense").reason)
        self.assertNotIn("nonsense", space)

    def test_keep_the_limits_of_their_configuration(self):
        cnn = {"kind": "cnn", "input": "3x32x32", "classes": 10}
        training = {"kind": "train", "max_parameters": 200000}
        small = metaqnn.Space({"data": {"name": "cifar10"}, "space": cnn, "evaluator": training})
        sizes = [small.describe(text).parameters for text in small.sample(20)]
        self.assertLessEqual(max(sizes), 200000)

    def test_describe_as_the_program_does(self):
        text = "[C(64,3,1), P(2,2), FC(128), SM(10)]"
        ours = metaqnn.Space({"space": {"kind": "cnn", "input": "1x28x28", "classes": 10}}).describe(text)
        theirs = json.loads(program("describe", text, "--input", "1x28x28", "--format", "json"))
        for name in ("architecture", "input", "depth", "parameters", "hidden_weights", "macs"):
            self.assertEqual(getattr(ours, name), theirs[name], name)
        self.assertEqual([vars(layer) for layer in ours.layers], theirs["layers"])
        self.assertTrue(metaqnn.Space(LETTERS).describe("abca").allowed)

    def test_are_errors_where_the_configuration_is_wrong(self):
        for wrong in ({"space": {"kin": "cnn"}}, {"sed": 1}, {"space": {"kind": object()}}, "none.toml"):
            with self.subTest(wrong), self.assertRaises(metaqnn.Error):
                metaqnn.Space(wrong)


class Studies(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.url = f"sqlite:///{self.folder}/letters.db"

    def test_keep_what_is_told(self):
        study = metaqnn.Study.create(self.url, LETTERS)
        first, second, third = study.ask(3)
        stored = study.tell(first, 2, measures={"size": 7}, curve=[1, 2])
        self.assertEqual((stored.state, stored.value, stored.measures), ("complete", 2.0, {"score": 2.0, "size": 7.0}))
        self.assertEqual(study.tell(second.trial, 3, curve=[{"training_loss": 1.5, "score": 3}]).value, 3.0)
        self.assertEqual(study.tell(third, failed="the board was lost").reason, "the board was lost")
        self.assertEqual((study.best.architecture, study.best.value), (second.architecture, 3.0))
        self.assertEqual((study.measure, study.minimize), ("score", False))
        trials = json.loads(program("trials", "--study", self.url, "--format", "json"))
        self.assertEqual([trial["value"] for trial in trials], [2.0, 3.0, None])

    def test_refuse_a_second_result_and_change_nothing(self):
        study = metaqnn.Study.create(self.url, LETTERS)
        (trial,) = study.ask()
        study.tell(trial, 2)
        for wrong in [
            lambda: study.tell(trial, 3),
            lambda: study.tell(99, 3),
            lambda: study.tell(trial),
            lambda: study.tell(trial, float("nan")),
            lambda: study.tell(trial, 1, curve=[{"speed": 1}]),
            lambda: study.ask(0),
            lambda: study.ask(lease=0),
            lambda: metaqnn.Study(self.url, patience=-1),
        ]:
            with self.assertRaises(metaqnn.UsageError):
                wrong()
        self.assertEqual(study.best.value, 2.0)

    def test_that_are_there_are_opened_only_where_they_are_the_same(self):
        metaqnn.Study.create(self.url, LETTERS)
        with self.assertRaises(metaqnn.UsageError):
            metaqnn.Study.create(self.url, LETTERS)
        metaqnn.Study.create(self.url, LETTERS, exist_ok=True)
        with self.assertRaisesRegex(metaqnn.UsageError, "seed"):
            metaqnn.Study.create(self.url, LETTERS | {"seed": 4}, exist_ok=True)
        with self.assertRaises(metaqnn.DataError):
            metaqnn.Study(f"sqlite:///{self.folder}/none.db")
        with self.assertRaises(metaqnn.FailureError):
            metaqnn.Study.create(f"sqlite:///{self.folder}/none/none.db", LETTERS)

    def test_get_back_what_a_block_has_reserved_and_not_told(self):
        with self.assertRaises(ZeroDivisionError), metaqnn.Study.create(self.url, LETTERS) as study:
            first, second = study.ask(2)
            study.tell(first, 1)
            raise ZeroDivisionError
        states = [trial["state"] for trial in json.loads(program("trials", "--study", self.url, "--format", "json"))]
        self.assertEqual(states, ["complete", "waiting"])
        self.assertEqual(metaqnn.Study(self.url).ask()[0].trial, second.trial)

    def test_get_back_at_ctrl_c_what_was_reserved(self):
        threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
        with self.assertRaises(KeyboardInterrupt), metaqnn.Study.create(self.url, LETTERS) as study:
            while True:
                study.ask(3)
        self.assertEqual(json.loads(program("status", "--study", self.url, "--format", "json"))["states"]["running"], 0)

    def test_do_not_get_back_in_a_child_what_its_parent_has_reserved(self):
        study = metaqnn.Study.create(self.url, LETTERS)
        study.ask(2)
        child = os.fork()
        if child == 0:
            os._exit(study.give_back())
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        self.assertEqual(study.give_back(), 2)

    def test_are_filled_by_four_processes_as_by_one(self):
        with multiprocessing.get_context("spawn").Pool(4) as pool:
            told = pool.map(ask_and_tell, [self.url] * 4)
        trials = json.loads(program("trials", "--study", self.url, "--format", "json"))
        self.assertEqual([trial["state"] for trial in trials], ["complete"] * 40)
        self.assertEqual(sum(told), 40)
        self.assertEqual(len({trial["architecture"] for trial in trials}), 40)
        for trial in trials:
            self.assertEqual(trial["value"], worth(trial["architecture"]))

    def test_pickle_as_their_url(self):
        study = metaqnn.Study.create(self.url, LETTERS)
        study.ask()
        again = pickle.loads(pickle.dumps(study))
        self.assertEqual(again.configuration, study.configuration)
        self.assertEqual(again.give_back(), 0)

    @unittest.skipIf(pandas is None, "pandas is not installed")
    def test_are_tables_of_trials_and_samples(self):
        study = metaqnn.Study.create(self.url, LETTERS)
        self.assertEqual(len(study.trials()), 0)
        self.assertEqual(len(study.samples()), 0)
        ask_and_tell(self.url)
        for frame, options in ((study.trials(), []), (study.samples(), ["--samples"])):
            theirs = json.loads(program("trials", "--study", self.url, "--format", "json", *options))
            self.assertEqual(len(frame), len(theirs))
            for name in ("number", "architecture", "value", "epsilon"):
                self.assertEqual(list(frame[name]), [row[name] for row in theirs], name)


    @unittest.skipIf(pandas is None, "pandas is not installed")
    def test_value_choices_as_the_program_says(self):
        rewarded = {"measure": "score", "reward_range": [0, 4], "direction": "maximize"}
        study = metaqnn.Study.create(self.url, LETTERS | {"objective": rewarded})
        self.assertEqual(len(study.q_values()), 0)
        for trial in study.ask(10):
            study.tell(trial, worth(trial.architecture))
        theirs = json.loads(program("q-values", "--study", self.url, "--format", "json"))
        self.assertEqual(study.q_values().to_dict("records"), theirs)
        self.assertGreater(len(theirs), 10)


if __name__ == "__main__":
    unittest.main()
