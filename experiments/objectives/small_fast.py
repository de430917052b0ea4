#!/usr/bin/env python3
"""The slides' last question, really trained: the best network under 100,000 parameters, and the fastest that is nearly as good.

    experiments/objectives/small_fast.py PROGRAM [--folder small-fast]      # half an hour on two cores

PROGRAM is metaqnn. Runs the recipe fashion_mnist_small_fast, trains the front and the ten best again (`finetune --pareto`,
`--top 10`), and writes small_fast.csv (all networks of the search) and small_fast.md beside this file. Stopped anywhere, the same
command goes on. Latencies are measured as the networks are: leave the machine alone meanwhile.

"Nearly as good" is within one point by the validation accuracy of the last training; test errors are looked at afterwards.
"""
import argparse
import csv
import datetime
import json
import pathlib
import platform
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
RECIPE = HERE.parent / "fashion_mnist_small_fast.toml"
POINT = 0.01


def say(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def report(program, study, models):
    (HERE / "small_fast.csv").write_text(say(program, "export", "--study", study, "--format", "csv"))
    searched = {trial["architecture"]: trial for trial in json.loads(say(program, "trials", "--study", study, "--format", "json"))}
    rows = [{**searched[model["architecture"]], **{f"final_{key}": value for key, value in model.items()}} for model in models]
    rows.sort(key=lambda row: -row["final_validation_accuracy"])
    best = rows[0]
    fastest = min((row for row in rows if row["final_validation_accuracy"] >= best["final_validation_accuracy"] - POINT),
                  key=lambda row: row["measures"]["latency_ms"])
    lines = ["# Small and fast, on Fashion-MNIST", "",
             f"Made by `experiments/objectives/small_fast.py`, which says how. {say(program, '--version').splitlines()[0]}, {processor()}, "
             f"{datetime.date.today()}.", "",
             f"{len(searched)} networks of at most 100,000 parameters, four epochs of 10,000 images each; then the front and the ten best again, nine epochs "
             "of 50,000. Latency is of one picture on one thread.", "",
             "| architecture | parameters | latency | accuracy in the search | validation accuracy | test error |",
             "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        lines.append(f"| `{row['architecture']}` | {row['parameters']:,} | {row['measures']['latency_ms']:.3f} ms | {row['validation_accuracy']:.4f} | "
                     f"{row['final_validation_accuracy']:.4f} | {100 * row['final_test_error']:.2f}% |")
    lines += ["", f"The best: `{best['architecture']}`, {best['parameters']:,} parameters, {best['measures']['latency_ms']:.3f} ms, test error "
              f"{100 * best['final_test_error']:.2f}%.", "",
              f"The fastest within one point of it: `{fastest['architecture']}`, {fastest['parameters']:,} parameters, "
              f"{fastest['measures']['latency_ms']:.3f} ms, test error {100 * fastest['final_test_error']:.2f}%.", ""]
    (HERE / "small_fast.md").write_text("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("small-fast"))
    options = parser.parse_args()
    program, folder = options.program.resolve(), options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    study = f"sqlite:///{folder}/study.db"
    subprocess.run([program, "search", "--config", RECIPE, "--study", study], check=True)
    models = {}
    for which in [["--pareto"], ["--top", "10"]]:
        for model in json.loads(say(program, "finetune", "--study", study, *which, "-o", folder / "models", "--format", "json")):
            models[model["architecture"]] = model
    report(program, study, list(models.values()))


if __name__ == "__main__":
    main()
