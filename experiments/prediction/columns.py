#!/usr/bin/python3
"""Do columns tell as much to `combined` as to a random forest?

  experiments/prediction/columns.py PROGRAM ACCEL.csv CELLS.csv [--repeats 5]

ACCEL.csv: trainings of accel-NASBench's proxies, without a header: 28 columns of
choices, no string; targets are two of its accuracies. CELLS.csv: NAS-Bench-201
after 200 epochs with twelve proxies of each cell. Both sides learn from the same
rows and are tested on all the others; Kendall's tau. scikit-learn's random forest
has 500 trees, with all columns at each node and with a third of them. Needs
python3-sklearn. Writes columns.csv and columns.md beside this file.
"""
import argparse
import csv
import json
import pathlib
import random
import statistics
import subprocess
import tempfile

import numpy
import scipy.stats
import sklearn
from sklearn.ensemble import RandomForestRegressor

HERE = pathlib.Path(__file__).resolve().parent
PROXIES = "grad_norm,jacov,nwot,synflow,snip,zen,fisher,grasp,l2_norm,plain,flops,params".split(",")
FORESTS = {"forest": 1.0, "forest, a third": 1 / 3}


def read(file, names=None):
    with open(file, newline="") as lines:
        rows = list(csv.reader(lines))
    names = names or rows.pop(0)
    return [dict(zip(names, row)) for row in rows]


def numbers(rows, features):
    """Truth values as 0 and 1; everything else is a number here."""
    return numpy.array([[{"True": 1.0, "False": 0.0}.get(row[name]) if row[name] in ("True", "False")
                         else float(row[name]) for name in features] for row in rows])


def tau_of_forest(train, test, target, features, share):
    forest = RandomForestRegressor(500, max_features=share, random_state=0, n_jobs=-1)
    forest.fit(numbers(train, features), [float(row[target]) for row in train])
    truth = [float(row[target]) for row in test]
    return scipy.stats.kendalltau(truth, forest.predict(numbers(test, features))).statistic


def tau_of_combined(program, train, test, target, features, architecture):
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for name, rows in (("train", train), ("test", test)):
            files[name] = pathlib.Path(folder) / f"{name}.csv"
            with open(files[name], "w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        answer = subprocess.run(
            [program, "evaluate", "--train", files["train"], "--test", files["test"], "--target", target,
             "--maximize", "--features", ",".join(features), "--architecture-column", architecture,
             "--method", "combined", "--format", "json"], check=True, capture_output=True, text=True)
        return next(method["kendall_tau"] for method in json.loads(answer.stdout)["methods"]
                    if method["method"] == "combined")


def studies(accel, cells):
    """Name, rows, target, columns, column of strings, networks to train on."""
    rows = read(accel, [f"c{i}" for i in range(1, 38)])
    choices = [f"c{i}" for i in range(10, 38)]
    for target in ("c5", "c6"):
        yield f"accel-NASBench, column {target[1:]}", rows, target, choices, "", 80
    rows = read(cells)
    yield "cells, 12 proxies", rows, "valid_accuracy_percent", PROXIES, "", 128
    yield "cells, 12 proxies and strings", rows, "valid_accuracy_percent", PROXIES, "architecture", 128


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("accel", type=pathlib.Path)
    parser.add_argument("cells", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    figures = []
    for name, rows, target, features, architecture, size in studies(options.accel, options.cells):
        for seed in range(1, options.repeats + 1):
            drawn = rows[:]
            random.Random(seed).shuffle(drawn)
            train, test = drawn[:size], drawn[size:]
            tau = {"combined": tau_of_combined(options.program.resolve(), train, test, target, features, architecture)}
            for forest, share in FORESTS.items():
                tau[forest] = tau_of_forest(train, test, target, features, share)
            print(name, seed, tau, flush=True)
            figures += [{"study": name, "train": size, "test": len(test), "seed": seed, "method": method,
                         "kendall_tau": f"{value:.6g}"} for method, value in tau.items()]
    with open(HERE / "columns.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(figures[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(figures)
    methods = ["combined", *FORESTS]
    table = ["| study | train | test | " + " | ".join(methods) + " |", "| --- " * (3 + len(methods)) + "|"]
    for name in dict.fromkeys(row["study"] for row in figures):
        own = [row for row in figures if row["study"] == name]
        cells = []
        for method in methods:
            values = [float(row["kendall_tau"]) for row in own if row["method"] == method]
            error = statistics.stdev(values) / len(values) ** 0.5
            cells.append(f"{statistics.mean(values):.3f} ± {error:.3f}")
        table.append(f"| {name} | {own[0]['train']} | {own[0]['test']} | " + " | ".join(cells) + " |")
    version = subprocess.run([options.program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    (HERE / "columns.md").write_text(
        "# Columns beside a random forest\n\n"
        f"Kendall's tau on the networks that were not trained on, mean ± standard error of {options.repeats} draws;\n"
        "both sides learn from the same rows. Made by `experiments/prediction/columns.py`.\n\n" + "\n".join(table) +
        f"\n\n{version}; scikit-learn {sklearn.__version__}, 500 trees, with all columns at each node and with a third.\n")
    print(HERE / "columns.md")


if __name__ == "__main__":
    main()
