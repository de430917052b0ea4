#!/usr/bin/env python3
"""Compares metaqnn.optuna.Sampler with Optuna's TPE on the tables of NAS-Bench-201: regret after so many trials.

    PYTHONPATH=build/python experiments/strategies/samplers.py TABLE.csv [--seeds 10] [--trials 100]

TABLE.csv as in experiments/nasbench201_table.toml. Six categorical parameters of five operations each; the best validation accuracy
in the table less the best one found, in percentage points. Writes samplers.csv (a row for each sampler, data set, seed and number of
trials) and samplers.md beside this file.
"""
import argparse
import csv
import pathlib
import re
import statistics

import optuna

import metaqnn.optuna

HERE = pathlib.Path(__file__).resolve().parent
DATA_SETS = ["cifar10_valid", "cifar100_valid", "imagenet16_valid"]
OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
AT = [20, 40, 60, 80, 100]
SAMPLERS = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "tpe, multivariate": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
    "metaqnn": lambda seed: metaqnn.optuna.Sampler(seed=seed),
}


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {data_set: {tuple(re.findall(r"(\w+)~", row["architecture"])): float(row[data_set]) for row in rows}
            for data_set in DATA_SETS}


def regrets(table, sampler, trials):
    best = max(table.values())
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda trial: table[tuple(trial.suggest_categorical(f"edge {i}", OPERATIONS) for i in range(6))],
                   n_trials=trials)
    values = [trial.value for trial in study.trials]
    return {at: 100 * (best - max(values[:at])) for at in AT if at <= trials}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=100)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    tables = read(arguments.table)
    rows = []
    for data_set in DATA_SETS:
        for name, make in SAMPLERS.items():
            for seed in range(1, arguments.seeds + 1):
                for at, regret in regrets(tables[data_set], make(seed), arguments.trials).items():
                    rows.append([name, data_set, seed, at, f"{regret:.3f}"])
            print(data_set, name, statistics.mean(float(r[4]) for r in rows if r[:2] == [name, data_set] and r[3] == AT[-1]),
                  flush=True)
    with open(HERE / "samplers.csv", "w", newline="") as file:
        csv.writer(file).writerows([["sampler", "data_set", "seed", "trials", "regret"], *rows])
    lines = [f"# Samplers of Optuna {optuna.__version__} on NAS-Bench-201", "",
             f"Regret in percentage points, mean ± standard deviation over {arguments.seeds} seeds; made by "
             "`experiments/strategies/samplers.py`.", "",
             "| data set | sampler | " + " | ".join(f"{at} trials" for at in AT) + " |",
             "| --- | --- |" + " ---: |" * len(AT)]
    for data_set in DATA_SETS:
        for name in SAMPLERS:
            cells = []
            for at in AT:
                found = [float(r[4]) for r in rows if r[:2] == [name, data_set] and r[3] == at]
                cells.append(f"{statistics.mean(found):.2f} ± {statistics.stdev(found):.2f}")
            lines.append(f"| {data_set} | {name} | " + " | ".join(cells) + " |")
    (HERE / "samplers.md").write_text("\n".join(lines) + "\n")


main()
