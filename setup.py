"""Builds the extension of the Python module with CMake, for `pip install .` (docs/python.md).

METAQNN_BUILD_DIR names a build folder with the extension, in place of one in which all of it is built anew.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).parent.resolve()
OPTIONS = ["-DCMAKE_BUILD_TYPE=Release", "-DMETAQNN_BUILD_PYTHON=ON", f"-DPython_EXECUTABLE={sys.executable}",
           "-DMETAQNN_WITH_TORCH=OFF", "-DMETAQNN_BUILD_TESTS=OFF", "-DMETAQNN_BUILD_BENCHMARKS=OFF"]


def cmake(*words):
    subprocess.run(["cmake", *map(str, words)], check=True)


class CMakeBuild(build_ext):
    def build_extension(self, extension):
        build = os.environ.get("METAQNN_BUILD_DIR")
        if not build:
            build = pathlib.Path(self.build_temp).resolve() / "cmake"
            cmake("-S", ROOT, "-B", build, *OPTIONS)
        cmake("--build", build, "--target", "_metaqnn", "--parallel", len(os.sched_getaffinity(0)))
        with tempfile.TemporaryDirectory() as prefix:  # installed, it looks for no library in the build folder
            cmake("--install", build, "--component", "python", "--prefix", prefix)
            target = pathlib.Path(self.get_ext_fullpath(extension.name))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(next(pathlib.Path(prefix).rglob("_metaqnn*.so")), target)


version = re.search(r"project\(metaqnn VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
setup(version=version, ext_modules=[Extension("metaqnn._metaqnn", [])], cmdclass={"build_ext": CMakeBuild})
