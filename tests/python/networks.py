"""Networks for tests, and the program to compare with."""
from __future__ import annotations

import csv
import json
import os
import pathlib
import random
import subprocess
from typing import Any

PROGRAM = os.environ["METAQNN_PROGRAM"]


def some_networks(count: int, seed: int = 1) -> list[str]:
    """Different convolutional networks, in the form in which they are written."""
    draw = random.Random(seed)
    networks: dict[str, None] = {}
    while len(networks) < count:
        layers = [
            f"C({draw.choice([64, 128, 256])},{draw.choice([1, 3, 5])},1)" for _ in range(draw.randint(1, 6))
        ] + ["SM(10)"]
        networks[f"[{', '.join(layers)}]"] = None
    return list(networks)


def some_values(networks: list[str], seed: int = 2) -> list[float]:
    """What they might come to."""
    draw = random.Random(seed)
    return [0.5 + 0.05 * text.count("C") + 0.02 * text.count("256") + 0.01 * draw.random() for text in networks]


def write_table(path: pathlib.Path, columns: dict[str, list[Any]]) -> None:
    """As CSV, numbers with all their digits."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


def program(*words: object) -> str:
    """What the program prints."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def predictions(model: pathlib.Path, candidates: pathlib.Path) -> tuple[list[float], list[float | None]]:
    """Of the program."""
    rows = json.loads(program("predict", "--model", model, "--architectures", candidates, "--format", "json"))
    return [row["prediction"] for row in rows], [row["standard_deviation"] for row in rows]
