#!/usr/bin/python3
"""Fitting side by side with what a user would pick instead: scikit-learn's
GridSearchCV of one kernel ridge with an RBF kernel, 9 x 9 grid, 5 folds, n_jobs=2.

  tests/bench/predict_baseline.py build/tests/metaqnn_bench [--rounds 3]

Both learn from the 1,000 networks of experiments/results/fashion_mnist_log.csv, in
turn: ours from the strings, all six methods; theirs from a one-hot matrix of the
layer at each position that is made beforehand. Needs python3-sklearn. Wall time and
the processor time of all threads and processes, medians of the rounds.
"""
import argparse
import csv
import json
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import time

import numpy
import sklearn
from joblib.externals.loky import get_reusable_executor
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV

LOG = pathlib.Path(__file__).resolve().parents[2] / "experiments/results/fashion_mnist_log.csv"
GRID = {"alpha": numpy.logspace(-4, 2, 9), "gamma": numpy.logspace(-5, 0, 9)}


def read_log():
    with open(LOG, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["validation_accuracy"]]
    sequences = [re.findall(r"[A-Z]+\([^)]*\)", row["architecture"]) for row in rows]
    columns = sorted({(place, layer) for layers in sequences for place, layer in enumerate(layers)})
    features = numpy.array([[float(place < len(layers) and layers[place] == layer) for place, layer in columns]
                            for layers in sequences])
    return features, numpy.array([float(row["validation_accuracy"]) for row in rows])


def processor_seconds():
    return sum(usage.ru_utime + usage.ru_stime
               for usage in (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def grid_search(features, targets):
    before, began = processor_seconds(), time.monotonic()
    GridSearchCV(KernelRidge(kernel="rbf"), GRID, cv=5, n_jobs=2).fit(features, targets - targets.mean())
    wall = time.monotonic() - began
    get_reusable_executor().shutdown(wait=True)  # its processes count once they have ended
    return wall, processor_seconds() - before


def fit_all(bench):
    done = subprocess.run([bench, "--benchmark_filter=^FitAll/", "--benchmark_format=json"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    result = json.loads(done.stdout)["benchmarks"][0]
    return result["real_time"] / 1000, result["cpu_time"] / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=pathlib.Path, help="the program metaqnn_bench")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not options.bench.is_file():
        parser.error(f"there is no program {options.bench}; build it with cmake --build build --target metaqnn_bench")
    features, targets = read_log()
    print(f"{len(targets)} networks, {features.shape[1]} columns; scikit-learn {sklearn.__version__}")
    print("round     ours: wall, processor   grid search: wall, processor   ratios")
    rounds = []
    for number in range(1, options.rounds + 1):
        ours, theirs = fit_all(options.bench.resolve()), grid_search(features, targets)
        rounds.append((*ours, *theirs, theirs[0] / ours[0], theirs[1] / ours[1]))
        print_round(str(number), rounds[-1])
    print_round("median", [statistics.median(column) for column in zip(*rounds)])


def print_round(name, figures):
    print("{:6} {:14.2f} {:10.2f} s {:19.2f} {:10.2f} s {:8.2f} {:6.2f}".format(name, *figures), flush=True)


if __name__ == "__main__":
    main()
