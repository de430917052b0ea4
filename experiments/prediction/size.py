#!/usr/bin/python3
"""What does a fit cost as the log grows, beside scikit-learn and XGBoost?

  experiments/prediction/size.py PROGRAM [--sizes 500,1000,...] [--skip-after 120]

A log of up to 60,000 different strings of twelve tokens out of six, whose accuracy
follows from tokens, neighbours and counts, but for noise of 0.005; made here, by a
seed. Each method learns from the first n and is tested on 5,000 others. metaqnn is
`fit` and `predict` of 10,000 with deviations, process start included, for `combined`;
scikit-learn's exact process (RBF and noise, hyper-parameters by its own optimiser on
250 points, then fixed), its random forest (300 trees) and XGBoost (500 trees of depth
6) learn from one-hot tokens. A method that took longer than --skip-after seconds is
not asked again with more. All use two threads. Needs python3-sklearn and
python3-xgboost. Writes size.csv and size.md beside this file.
"""
import argparse
import csv
import math
import pathlib
import random
import subprocess
import tempfile
import time

import numpy
import scipy.stats
import sklearn
import xgboost
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

HERE = pathlib.Path(__file__).resolve().parent
LENGTH, ALPHABET, NOISE, TESTED, ASKED = 12, 6, 0.005, 5000, 10000
SIZES = [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000]
# The exponent of the cost is fitted from here on: below, what does not grow counts.
FROM = 2000


def make_log(count, seed):
    """Distinct tuples of tokens and their accuracies."""
    draw = random.Random(seed)
    token = [[draw.gauss(0, 1) for _ in range(ALPHABET)] for _ in range(LENGTH)]
    pair = {(p, a, b): draw.gauss(0, 0.7) for p in range(LENGTH - 1) for a in range(ALPHABET) for b in range(ALPHABET)}
    often = [draw.gauss(0, 1) for _ in range(ALPHABET)]
    log = {}
    while len(log) < count:
        s = tuple(draw.randrange(ALPHABET) for _ in range(LENGTH))
        v = sum(token[p][s[p]] for p in range(LENGTH)) + sum(pair[p, s[p], s[p + 1]] for p in range(LENGTH - 1))
        v = v / math.sqrt(LENGTH) + sum(often[a] * math.sqrt(s.count(a)) for a in range(ALPHABET)) / math.sqrt(ALPHABET)
        log[s] = min(1, max(0, 0.93 - 0.12 * math.log1p(math.exp(-v)) + draw.gauss(0, NOISE)))
    return list(log), numpy.array(list(log.values()))


def text(tokens):
    return "|".join(f"op{t}" for t in tokens)


def one_hot(strings):
    return numpy.eye(ALPHABET)[numpy.array(strings)].reshape(len(strings), -1)


def run(arguments):
    """Seconds, and the largest memory of the child in MiB."""
    began, largest = time.monotonic(), 0
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
        largest = max([largest, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
        time.sleep(0.02)
    if child.returncode != 0:
        raise SystemExit(f"{arguments[0]} {arguments[1]} ended with {child.returncode}")
    return time.monotonic() - began, largest / 1024


def metaqnn(program, folder, strings, y, test, asked):
    log, model = folder / "log.csv", folder / "a.model"
    with open(log, "w", newline="") as file:
        csv.writer(file).writerows([("architecture", "accuracy"), *zip(map(text, strings), y)])
    fit, memory = run([program, "fit", "--log", log, "--seed", "1", "-o", model])
    (folder / "asked.txt").write_text("\n".join(map(text, asked)) + "\n")
    predict, _ = run([program, "predict", "--model", model, "--architectures", folder / "asked.txt", "--format", "csv"])
    (folder / "test.txt").write_text("\n".join(map(text, test)) + "\n")
    told = subprocess.run([program, "predict", "--model", model, "--architectures", folder / "test.txt", "--format", "csv"],
                          check=True, capture_output=True, text=True).stdout.splitlines()
    return fit, predict, memory, [float(row["prediction"]) for row in csv.DictReader(told)]


def process(x, y):
    kernel = ConstantKernel() * RBF(3.0) + WhiteKernel(0.1)
    if len(x) > 250:
        kernel = GaussianProcessRegressor(kernel, normalize_y=True, random_state=1).fit(x[:250], y[:250]).kernel_
        return GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True).fit(x, y)
    return GaussianProcessRegressor(kernel, normalize_y=True, random_state=1).fit(x, y)


PEERS = {
    "scikit-learn, exact process": process,
    "scikit-learn, random forest": lambda x, y: RandomForestRegressor(300, n_jobs=2, random_state=1).fit(x, y),
    "XGBoost": lambda x, y: xgboost.XGBRegressor(
        n_estimators=500, max_depth=6, learning_rate=0.05, subsample=0.8, n_jobs=2, random_state=1).fit(x, y),
}


def peer(name, strings, y, test, asked):
    began = time.monotonic()
    model = PEERS[name](one_hot(strings), y)
    fit = time.monotonic() - began
    began = time.monotonic()
    model.predict(one_hot(asked), **({"return_std": True} if "process" in name else {}))
    return fit, time.monotonic() - began, None, model.predict(one_hot(test))


def exponent(rows):
    points = [(math.log(r["n"]), math.log(r["fit_seconds"])) for r in rows if r["n"] >= FROM]
    return numpy.polyfit(*zip(*points), 1)[0] if len(points) > 1 else None


def write_markdown(rows, version, processor):
    methods = list(dict.fromkeys(row["method"] for row in rows))
    sizes = sorted({row["n"] for row in rows})
    at = {(row["method"], row["n"]): row for row in rows}

    def table(title, show):
        lines = [f"| {title} | " + " | ".join(f"{n:,}" for n in sizes) + " |", "| --- |" + " --- |" * len(sizes)]
        for method in methods:
            lines.append(f"| {method} | " + " | ".join(show(at[method, n]) if (method, n) in at else "" for n in sizes) + " |")
        return "\n".join(lines)

    exponents = []
    for method in methods:
        fitted = exponent([row for row in rows if row["method"] == method])
        if fitted is not None:
            exponents.append(f"{method} n^{fitted:.2f}")
    (HERE / "size.md").write_text(f"""# Cost against size

Made by `experiments/prediction/size.py`, which says how; all figures are in `size.csv`.

{table("fit, seconds", lambda r: f"{r['fit_seconds']:.1f}")}

{table("10,000 predictions, seconds", lambda r: f"{r['predict_seconds']:.1f}")}

{table("Kendall's tau on 5,000 others", lambda r: f"{r['kendall_tau']:.3f}")}

Largest memory of `combined`: {", ".join(f"{at['combined', n]['mebibytes']:,.0f} MiB at {n:,}" for n in sizes if ("combined", n) in at)}.

Cost of a fit from {FROM:,} networks on: {"; ".join(exponents)}.

{version}; scikit-learn {sklearn.__version__}, XGBoost {xgboost.__version__}; {processor}, two cores, shared.
""")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--sizes", type=lambda s: [int(n) for n in s.split(",")], default=SIZES)
    parser.add_argument("--skip-after", type=float, default=120)
    options = parser.parse_args()
    strings, y = make_log(max(options.sizes) + TESTED + ASKED, 1)
    test, truth = strings[:TESTED], y[:TESTED]
    asked, strings, y = strings[TESTED:TESTED + ASKED], strings[TESTED + ASKED:], y[TESTED + ASKED:]
    rows, slow = [], set()
    with tempfile.TemporaryDirectory() as folder:
        for n in options.sizes:
            for method in ["combined", *PEERS]:
                if method in slow:
                    continue
                if method == "combined":
                    fit, predict, memory, predicted = metaqnn(options.program.resolve(), pathlib.Path(folder), strings[:n], y[:n], test, asked)
                else:
                    fit, predict, memory, predicted = peer(method, strings[:n], y[:n], test, asked)
                    if fit > options.skip_after or (method.endswith("process") and n >= 8000):
                        slow.add(method)
                tau = scipy.stats.kendalltau(truth, predicted)[0]
                rows.append({"method": method, "n": n, "fit_seconds": fit, "predict_seconds": predict, "mebibytes": memory, "kendall_tau": tau})
                print(method, n, f"{fit:.1f} s, {predict:.1f} s, tau {tau:.3f}", f"{memory:.0f} MiB" if memory else "", flush=True)
    with open(HERE / "size.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()} for row in rows)
    version = subprocess.run([options.program, "--version"], check=True, capture_output=True, text=True).stdout.split("\n")[0]
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    write_markdown(rows, version, processor)


if __name__ == "__main__":
    main()
