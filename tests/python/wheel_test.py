"""The module as pip installs it."""
from __future__ import annotations

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MISSING = [name for name in ("pip", "setuptools", "wheel") if importlib.util.find_spec(name) is None]


@unittest.skipIf(MISSING, f"{', '.join(MISSING)} is not installed")
class Installed(unittest.TestCase):
    def test_by_pip_it_predicts_and_loads_no_libtorch(self):
        with tempfile.TemporaryDirectory() as folder:
            # Of a copy, for setuptools writes beside what it builds; the extension is that of the build folder.
            copy, installed = pathlib.Path(folder, "copy"), pathlib.Path(folder, "installed")
            shutil.copytree(SOURCE / "python", copy / "python")
            for name in ("pyproject.toml", "setup.py", "CMakeLists.txt", "LICENSE"):
                shutil.copy(SOURCE / name, copy)
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps"]
            done = subprocess.run([*pip, "--target", installed, copy], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            names = {file.name for file in (installed / "metaqnn").iterdir()}
            self.assertLessEqual({"__init__.py", "py.typed", "_metaqnn.pyi"}, names)
            code = (
                "import metaqnn\n"
                f"assert metaqnn.__file__.startswith({str(installed)!r}), metaqnn.__file__\n"
                "metaqnn.Predictor('lls').fit(['a|b', 'b|b', 'a|a'], [1, 2, 3]).predict(['b|a'])\n"
                "assert not any('torch' in line for line in open('/proc/self/maps'))\n"
            )
            subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(installed)})
            extension = next((installed / "metaqnn").glob("_metaqnn*.so"))
            self.assertNotIn(os.environ["METAQNN_BUILD_DIR"].encode(), extension.read_bytes())


if __name__ == "__main__":
    unittest.main()
