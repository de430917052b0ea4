#!/usr/bin/python3
"""Are our predictors as good as those of others where architectures are cells?
NAS-Bench-201, after 12 epochs on three data sets and after 200 on CIFAR-10.

  experiments/prediction/nasbench201.py PROGRAM TABLES [--repeats 5]

TABLES is the folder of nasbench201_12epochs.csv and nasbench201_200epochs.csv, of
which the latter holds distinct cells. All sides learn from the same cells and are
tested on all the others: Kendall's tau, and the true rank of the best of the ten
ranked best. scikit-learn: a Gaussian process with an RBF kernel and noise, ridge
regression with the penalty chosen by leave-one-out; XGBoost, 400 trees of depth 5
at rate 0.05 on 0.7 of the cells and half of the columns; all on one-hot
operations. Needs python3-sklearn and python3-xgboost. Writes nasbench201.csv and
nasbench201.md beside this file; splits that are in the former are not made again,
those of another build of the program are.
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
import xgboost
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import RidgeCV

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "nasbench201.csv"
# Table, target, and how many cells are for training.
RUNS = [("nasbench201_12epochs.csv", target, 200) for target in ("cifar10_valid", "cifar100_valid", "imagenet16_valid")]
RUNS += [("nasbench201_200epochs.csv", "valid_accuracy_percent", size) for size in (32, 78, 156, 469, 781, 1024, 1563)]
OURS = ["lls", "rbf-ls", "ed-ls", "combined"]
THEIRS = ["scikit-learn GP", "scikit-learn ridge", "XGBoost"]
COLUMNS = ["target", "train_size", "seed", "method", "kendall_tau", "best_true_rank", "seconds", "date", "build"]
# PINAT (Lu et al., AAAI 2023), table 1: all 15,625 strings, trained on validation and tested on test accuracy.
PUBLISHED = {"TNASP": {78: .539, 156: .589, 469: .640, 781: .689, 1563: .724},
             "Graphormer": {78: .505, 156: .630, 469: .680, 781: .719, 1563: .776},
             "PINAT": {78: .549, 156: .631, 469: .706, 781: .761, 1563: .784}}


def one_hot(architectures):
    operations = [re.findall(r"[^|+]+", text) for text in architectures]
    alphabet = sorted({operation.split("~")[0] for cell in operations for operation in cell})
    return numpy.array([[float(operation.split("~")[0] == letter) for operation in cell for letter in alphabet]
                        for cell in operations])


def best_rank(targets, predicted):
    ten = numpy.argsort(-predicted, kind="stable")[:10]
    return 1 + int((targets > targets[ten].max()).sum())


def others(features, targets, train, test):
    mean, deviation = targets[train].mean(), targets[train].std()
    scaled = (targets[train] - mean) / deviation
    process = GaussianProcessRegressor(ConstantKernel(1.0) * RBF(1.0) + WhiteKernel(0.1), n_restarts_optimizer=3,
                                       random_state=0)
    ridge = RidgeCV(alphas=numpy.logspace(-4, 4, 41))
    trees = xgboost.XGBRegressor(n_estimators=400, max_depth=5, learning_rate=0.05, subsample=0.7, colsample_bytree=0.5,
                                 n_jobs=1, random_state=0)
    for name, model in zip(THEIRS, (process, ridge, trees)):
        if name == "scikit-learn GP" and len(train) > 800:
            continue  # minutes
        began = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the optimiser, when a parameter meets its bound
            predicted = model.fit(features[train], scaled).predict(features[test])
        seconds = time.monotonic() - began
        yield (name, scipy.stats.kendalltau(targets[test], predicted).statistic, best_rank(targets[test], predicted),
               seconds)


def ours(program, architectures, targets, train, test, seed):
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for part, rows in (("train", train), ("test", test)):
            path = pathlib.Path(folder) / f"{part}.csv"
            path.write_text("architecture,accuracy\n"
                            + "".join(f"{architectures[row]},{targets[row]}\n" for row in rows))
            arguments += [f"--{part}", path]
        command = [program, "evaluate", *arguments, "--target", "accuracy", "--method", ",".join(OURS), "--threads", "1",
                   "--seed", str(seed), "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    for method in json.loads(done.stdout)["methods"]:
        if method["method"] in [*OURS, "nearest"]:
            yield (method["method"], method["kendall_tau"], method["top10"]["best_true_rank"],
                   method["fit_seconds"] + method["predict_seconds"])


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


def summary(rows, figure, decimals):
    values = [float(row[figure]) for row in rows]
    if not values:
        return "-"
    return f"{statistics.mean(values):.{decimals}f}" + (
        f" +- {statistics.stdev(values) / len(values) ** 0.5:.{decimals}f}" if len(values) > 1 else "")


def table(rows, runs, figure, decimals, published=()):
    lines = ["| method | " + " | ".join(f"{size}" if len({t for _, t, _ in runs}) == 1 else f"`{target}`"
                                        for _, target, size in runs) + " |",
             "| --- |" + " --- |" * len(runs)]
    for method in [*OURS, "nearest", *THEIRS]:
        cells = [summary([row for row in rows if row["method"] == method and row["target"] == target
                          and row["train_size"] == str(size)], figure, decimals) for _, target, size in runs]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    for method in published:
        lines.append(f"| {method}, published | " + " | ".join(
            f"{PUBLISHED[method][size]:.3f}" if size in PUBLISHED[method] else "-" for _, _, size in runs) + " |")
    return lines + [""]


def markdown(rows, version):
    short, long = RUNS[:3], RUNS[3:]
    dates = sorted({row["date"] for row in rows})
    lines = ["# NAS-Bench-201: ours and others", "",
             "The same cells for training on all sides, all others for test; mean and standard error over"
             f" {len({row['seed'] for row in rows})} splits. Made by `nasbench201.py`, which says how. {version};"
             f" scikit-learn {sklearn.__version__}, XGBoost {xgboost.__version__}; {processor()}, one thread beside other"
             f" work; {dates[-1]}.", "", "## After 12 epochs, 200 cells for training: Kendall's tau", ""]
    lines += table(rows, short, "kendall_tau", 3)
    lines += ["## After 200 epochs, distinct cells, by the number for training: Kendall's tau", "",
              "The published rows are of all 15,625 strings, where cells that compute the same stand in training and test"
              " alike, which is easier; and they learn from validation accuracies but are tested on test accuracies, which"
              " is harder. So they tell the order of size, no more.", ""]
    lines += table(rows, long, "kendall_tau", 3, PUBLISHED)
    lines += ["True rank of the best of the ten ranked best:", ""]
    lines += table(rows, long, "best_true_rank", 1)
    lines += ["Seconds to fit and to predict all others:", ""]
    lines += table(rows, long, "seconds", 2)
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path, help="the program metaqnn")
    parser.add_argument("tables", type=pathlib.Path, help="folder of the two tables")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if not options.program.is_file():
        parser.error(f"there is no program {options.program}; build it with cmake --build build --target metaqnn")
    program = options.program.resolve()
    build = hashlib.sha256(program.read_bytes()).hexdigest()[:12]
    rows = read_results(build)
    done = {(row["target"], row["train_size"], row["seed"]) for row in rows}
    for file, target, size in RUNS:
        with open(options.tables / file, newline="") as text:
            cells = list(csv.DictReader(text))
        architectures = [row["architecture"] for row in cells]
        features = one_hot(architectures)
        targets = numpy.array([float(row[target]) for row in cells])
        for seed in range(1, options.repeats + 1):
            if (target, str(size), str(seed)) in done:
                continue
            order = list(range(len(cells)))
            random.Random(seed).shuffle(order)
            train, test = order[:size], order[size:]
            results = [*ours(program, architectures, targets, train, test, seed),
                       *others(features, targets, train, test)]
            rows += [dict(zip(COLUMNS, [target, str(size), str(seed), name, f"{tau:.6f}", f"{rank:g}", f"{seconds:.3f}",
                                        datetime.date.today().isoformat(), build]))
                     for name, tau, rank, seconds in results]
            write_results(rows)
            print(f"{target}, {size}, seed {seed}: " + ", ".join(f"{name} {tau:.3f}" for name, tau, _, _ in results),
                  file=sys.stderr)
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    (HERE / "nasbench201.md").write_text(markdown(rows, version))
    print(HERE / "nasbench201.md")


if __name__ == "__main__":
    main()
