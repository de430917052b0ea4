#!/usr/bin/env python3
"""Compares q_approximation with q_learning on tables: what they sample at the end of the schedule, and regret.

    experiments/strategies/approximation.py PROGRAM TABLE.csv [--seeds 20] [--trials 300]

PROGRAM is metaqnn; TABLE.csv is NAS-Bench-201 as in experiments/nasbench201_table.toml. Writes approximation.csv (a row for
each strategy, data set and seed) and approximation.md beside this file; searches that are in the file are not made again.

The schedule is the paper's in proportion, so that a tenth of the models is sampled at epsilon 0.3 to 0.1. Mean accuracy: of
all samples at epsilon 0.1, those of known networks included. Regret as in `run`.
"""
import argparse
import csv
import datetime
import importlib.machinery
import importlib.util
import json
import pathlib
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LOADER = importlib.machinery.SourceFileLoader("strategies_run", str(HERE / "run"))
RUN = importlib.util.module_from_spec(importlib.util.spec_from_loader("strategies_run", LOADER))
LOADER.exec_module(RUN)
STRATEGIES = ["random", "q_learning", "q_approximation"]
AT = [100, 200, 300]
FIELDS = ["strategy", "data_set", "seed", *[f"regret_{n}" for n in AT], "mean_accuracy"]


def search(program, table, strategy, data_set, seed, trials):
    """Validation accuracies in the order of the trials, and those of the samples at epsilon 0.1."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "config.toml"
        config.write_text(RUN.configuration(strategy, data_set, table, trials))
        study = f"sqlite:///{folder}/study.db"

        def call(*arguments):
            return subprocess.run([program, *arguments, "--study", study], check=True, capture_output=True).stdout

        call("search", "--config", config, "--seed", str(seed), "--workers", "1")
        listed = json.loads(call("trials", "--format", "json"))
        samples = json.loads(call("trials", "--samples", "--format", "json"))
        accuracy = {trial["architecture"]: trial["validation_accuracy"] for trial in listed}
        last = [accuracy[sample["architecture"]] for sample in samples if sample["epsilon"] == 0.1]
        return [trial["validation_accuracy"] for trial in listed], last


def write_markdown(rows, version):
    seeds = len({row["seed"] for row in rows})
    lines = ["# Q-values in a table and as a linear function", "",
             "Made by `experiments/strategies/approximation.py`, which says how. Means and their standard errors over "
             f"{seeds} seeds; regret in percentage points. {version}, {datetime.date.today()}.", "",
             "| data set | strategy | mean accuracy at epsilon 0.1 | " + " | ".join(f"regret after {n}" for n in AT) + " |",
             "| --- | --- | --- |" + " --- |" * len(AT)]
    for data_set in RUN.DATA_SETS:
        for strategy in STRATEGIES:
            cells = []
            for field in ["mean_accuracy", *[f"regret_{n}" for n in AT]]:
                values = [float(row[field]) for row in rows if (row["strategy"], row["data_set"]) == (strategy, data_set) and row[field]]
                error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0
                cells.append(f"{statistics.mean(values):.3f} ({error:.3f})" if values else "-")
            lines.append(f"| {data_set} | {strategy} | " + " | ".join(cells) + " |")
    (HERE / "approximation.md").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("table", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=300)
    options = parser.parse_args()
    program, table = options.program.resolve(), options.table.resolve()
    with open(table, newline="") as rows:
        table_rows = list(csv.DictReader(rows))
    best = {name: max(float(row[name]) for row in table_rows) for name in RUN.DATA_SETS}
    results = HERE / "approximation.csv"
    done = []
    if results.exists():
        with open(results, newline="") as rows:
            done = [(row["strategy"], row["data_set"], int(row["seed"])) for row in csv.DictReader(rows)]
    with open(results, "a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(FIELDS)
        for seed in range(1, options.seeds + 1):
            for strategy in STRATEGIES:
                for data_set in RUN.DATA_SETS:
                    if (strategy, data_set, seed) in done:
                        continue
                    accuracies, last = search(program, table, strategy, data_set, seed, options.trials)
                    regrets = [f"{100 * (best[data_set] - max(accuracies[:n])):.4f}" if n <= len(accuracies) else "" for n in AT]
                    writer.writerow([strategy, data_set, seed, *regrets, f"{statistics.mean(last):.5f}" if last else ""])
                    file.flush()
    with open(results, newline="") as rows:
        version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.split("\n")[0]
        write_markdown(list(csv.DictReader(rows)), version)


if __name__ == "__main__":
    main()
