#!/usr/bin/python3
"""Are our predictors as good as those of scikit-learn where architectures are no
chains? NAS-Bench-201 after 12 epochs.

  experiments/prediction/nasbench201.py PROGRAM TABLE.csv [--repeats 10] [--train-size 200]

Both sides learn from the same cells and are tested on all the others; Kendall's
tau. scikit-learn: a Gaussian process with an RBF kernel and noise, and ridge
regression with the penalty chosen by leave-one-out, on one-hot operations. Needs
python3-sklearn. Writes nasbench201.csv and nasbench201.md beside this file; splits
that are in the former are not made again, those of another build of the program
are.
"""
import argparse
import csv
import datetime
import hashlib
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is loaded; both sides use one thread

import numpy
import scipy.stats
import sklearn
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import RidgeCV

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "nasbench201.csv"
TARGETS = ["cifar10_valid", "cifar100_valid", "imagenet16_valid"]
OURS = ["lls", "rbf-ls", "ed-ls", "combined"]
THEIRS = ["scikit-learn GP", "scikit-learn ridge"]
COLUMNS = ["target", "train_size", "seed", "method", "kendall_tau", "seconds", "date", "build"]


def one_hot(architectures):
    operations = [re.findall(r"[^|+]+", text) for text in architectures]
    alphabet = sorted({operation.split("~")[0] for cell in operations for operation in cell})
    return numpy.array([[float(operation.split("~")[0] == letter) for operation in cell for letter in alphabet]
                        for cell in operations])


def scikit_learn(features, targets, train, test):
    mean, deviation = targets[train].mean(), targets[train].std()
    scaled = (targets[train] - mean) / deviation
    process = GaussianProcessRegressor(ConstantKernel(1.0) * RBF(1.0) + WhiteKernel(0.1), n_restarts_optimizer=3,
                                       random_state=0)
    ridge = RidgeCV(alphas=numpy.logspace(-4, 4, 41))
    for name, model in zip(THEIRS, (process, ridge)):
        began = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the optimiser, when a parameter meets its bound
            predicted = model.fit(features[train], scaled).predict(features[test])
        seconds = time.monotonic() - began
        yield name, scipy.stats.kendalltau(targets[test], predicted).statistic, seconds


def ours(program, architectures, targets, train, test, seed):
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for part, rows in (("train", train), ("test", test)):
            path = pathlib.Path(folder) / f"{part}.csv"
            path.write_text("architecture,accuracy\n"
                            + "".join(f"{architectures[row]},{targets[row]}\n" for row in rows))
            arguments += [f"--{part}", path]
        command = [program, "evaluate", *arguments, "--target", "accuracy", "--tokens", "|", "--method", ",".join(OURS),
                   "--threads", "1", "--seed", str(seed), "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    for method in json.loads(done.stdout)["methods"]:
        if method["method"] in [*OURS, "nearest"]:
            yield method["method"], method["kendall_tau"], method["fit_seconds"] + method["predict_seconds"]


def read_results(build):
    if not RESULTS.exists():
        return []
    with open(RESULTS, newline="") as file:
        return [row for row in csv.DictReader(file) if row["build"] == build]


def write_results(rows):
    draft = RESULTS.with_suffix(".draft")
    with open(draft, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(draft, RESULTS)


def processor():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")


def markdown(rows, version, train_size):
    lines = ["# NAS-Bench-201, 12 epochs: ours and scikit-learn", "",
             f"{train_size} cells for training, all others for test, the same on both sides; Kendall's tau, mean and deviation"
             f" over {len({row['seed'] for row in rows})} splits. Made by `nasbench201.py`.", "",
             "| method | " + " | ".join(f"`{target}`" for target in TARGETS) + " | seconds |",
             "| --- | --- | --- | --- | --- |"]
    for method in [*OURS, "nearest", *THEIRS]:
        cells = []
        of_method = [row for row in rows if row["method"] == method]
        for target in TARGETS:
            taus = [float(row["kendall_tau"]) for row in of_method if row["target"] == target]
            cells.append(f"{statistics.mean(taus):.3f} +- {statistics.stdev(taus):.3f}" if len(taus) > 1 else "-")
        seconds = statistics.mean(float(row["seconds"]) for row in of_method)
        lines.append(f"| {method} | {' | '.join(cells)} | {seconds:.2f} |")
    dates = sorted({row["date"] for row in rows})
    return "\n".join(lines) + f"\n\n{version}; scikit-learn {sklearn.__version__}; {processor()}, one thread; {dates[-1]}.\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path, help="the program metaqnn")
    parser.add_argument("table", type=pathlib.Path, help="nasbench201_12epochs.csv")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--train-size", type=int, default=200)
    options = parser.parse_args()
    if not options.program.is_file():
        parser.error(f"there is no program {options.program}; build it with cmake --build build --target metaqnn")
    program = options.program.resolve()
    build = hashlib.sha256(program.read_bytes()).hexdigest()[:12]
    with open(options.table, newline="") as file:
        table = list(csv.DictReader(file))
    architectures = [row["architecture"] for row in table]
    features = one_hot(architectures)
    rows = read_results(build)
    done = {(row["target"], row["train_size"], row["seed"]) for row in rows}
    for seed in range(1, options.repeats + 1):
        order = list(range(len(table)))
        random.Random(seed).shuffle(order)
        train, test = order[:options.train_size], order[options.train_size:]
        for target in TARGETS:
            if (target, str(options.train_size), str(seed)) in done:
                continue
            targets = numpy.array([float(row[target]) for row in table])
            results = [*ours(program, architectures, targets, train, test, seed),
                       *scikit_learn(features, targets, train, test)]
            rows += [dict(zip(COLUMNS, [target, str(options.train_size), str(seed), name, f"{tau:.6f}", f"{seconds:.3f}",
                                        datetime.date.today().isoformat(), build])) for name, tau, seconds in results]
            write_results(rows)
            print(f"seed {seed}, {target}: " + ", ".join(f"{name} {tau:.3f}" for name, tau, _ in results), file=sys.stderr)
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    of_size = [row for row in rows if row["train_size"] == str(options.train_size)]
    (HERE / "nasbench201.md").write_text(markdown(of_size, version, options.train_size))
    print((HERE / "nasbench201.md").read_text(), end="")


if __name__ == "__main__":
    main()
