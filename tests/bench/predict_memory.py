#!/usr/bin/python3
"""Largest memory and time of fitting on 3,000 labelled and 10,000 unlabelled networks.

  tests/bench/predict_memory.py build/metaqnn [--labelled 3000] [--unlabelled 10000]

The networks are drawn from the space of experiments/cifar10.toml, the accuracies
are made up.
Each method is a process of its own, `metaqnn fit` with two threads.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

CONFIGURATION = pathlib.Path(__file__).resolve().parents[2] / "experiments/cifar10.toml"
METHODS = ["lls", "rbf-ls", "ed-ls", "rbf-mr", "ed-mr", "combined"]


def made_up_accuracy(text, generator):
    layers = text.count("(")
    return 0.1 + 0.8 * (1 - 1 / layers) - 0.2 * ("GAP" in text) + 0.05 * generator.random()


def write_log(program, labelled, path):
    command = [program, "sample", "--config", CONFIGURATION, "--count", str(labelled), "--seed", "1"]
    texts = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    generator = random.Random(1)
    path.write_text("architecture,accuracy\n"
                    + "".join(f'"{text}",{made_up_accuracy(text, generator):.4f}\n' for text in texts))


def measure(command):
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20, output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path, help="the program metaqnn")
    parser.add_argument("--labelled", type=int, default=3000)
    parser.add_argument("--unlabelled", type=int, default=10000)
    parser.add_argument("--method", choices=METHODS, nargs="+", default=METHODS, metavar="METHOD")
    options = parser.parse_args()
    if not options.program.is_file():
        parser.error(f"there is no program {options.program}; build it with cmake --build build --target metaqnn")
    program = options.program.resolve()
    print("method    wall, s  processor, s  peak, GiB")
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "log.csv"
        write_log(program, options.labelled, log)
        for method in options.method:
            wall, processor, peak, output = measure(
                [program, "fit", "--log", log, "--target", "accuracy", "--method", method, "--unlabelled",
                 str(options.unlabelled), "--config", CONFIGURATION, "--threads", "2", "-o", pathlib.Path(folder) / "model"])
            graph = next((line.strip() for line in output.splitlines() if "graph weight" in line), "")
            print(f"{method:9} {wall:7.2f} {processor:13.2f} {peak:10.2f}  {graph}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
