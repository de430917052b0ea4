"""The code of docs/python.md runs, and its types and those of the module are right."""
from __future__ import annotations

import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import metaqnn
from networks import some_networks, some_values, write_table

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAGE = (SOURCE / "docs" / "python.md").read_text()
CODE = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def missing(*names):
    absent = [name for name in names if importlib.util.find_spec(name) is None]
    return unittest.skipIf(absent, f"{', '.join(absent)} is not installed")


class Page(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "page.py").write_text(CODE)

    @missing("optuna", "pandas", "sklearn")
    def test_runs(self):
        networks = some_networks(120)
        losses = [1 - value for value in some_values(networks)]
        write_table(self.folder / "runs.csv", {"net": networks, "val_loss": losses})
        done = subprocess.run([sys.executable, "page.py"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        for expected in (
            r"method +combined",
            "layer 1, P.2,2.: no pooling at the start",
            "architecture='aaaa'",
            "column 19",
        ):
            self.assertRegex(done.stdout.replace("\n", " "), expected)

    @missing("mypy", "optuna")
    def test_passes_mypy_strict_with_the_module(self):
        for checked in (SOURCE / "python" / "metaqnn", self.folder / "page.py"):
            done = subprocess.run(
                [sys.executable, "-m", "mypy", "--strict", "--config-file", SOURCE / "pyproject.toml",
                 "--cache-dir", self.folder / "cache", checked],
                env={"MYPYPATH": str(SOURCE / "python"), "PATH": ""},
                capture_output=True,
                text=True,
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_of_the_table_of_arguments_names_all_that_there_are(self):
        table = PAGE[PAGE.index("| argument |") :]
        named = re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table.split("\n\n")[0].splitlines()))
        self.assertEqual(set(named), set(metaqnn.Predictor().get_params()))


if __name__ == "__main__":
    unittest.main()
