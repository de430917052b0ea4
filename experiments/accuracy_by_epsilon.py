#!/usr/bin/env python3
"""How much better are the networks that the agent samples as epsilon falls? The analogue of the paper's Figure 3.

  experiments/accuracy_by_epsilon.py TABLE.csv [--seeds 5] [--program build/metaqnn]

Runs experiments/nasbench201_table.toml (the paper's schedule of 2,700 models) on the table once for each seed and writes
results/nasbench201_accuracy_by_epsilon.csv and .svg: the mean accuracy of all samples, re-samples counted, at each epsilon.
"""
import argparse
import csv
import io
import pathlib
import re
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
NAME = "nasbench201_accuracy_by_epsilon"


def samples_of_one_search(program, table, seed, folder):
    """Rows of `metaqnn trials --samples` after a whole search."""
    recipe = (HERE / "nasbench201_table.toml").read_text()
    recipe, count = re.subn(r'(?m)^file = .*$', f'file = "{table}"', recipe)
    assert count == 1, "the recipe names its table in one line"
    config = folder / f"seed{seed}.toml"
    config.write_text(recipe)
    study = f"sqlite:///{folder}/seed{seed}.db"
    subprocess.run([program, "search", "--config", config, "--study", study, "--seed", str(seed), "--workers", "1"],
                   check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    output = subprocess.run([program, "trials", "--study", study, "--samples", "--format", "csv"],
                            check=True, capture_output=True, text=True).stdout
    return list(csv.DictReader(io.StringIO(output)))


def mean_by_epsilon(rows):
    by_epsilon = {}
    for row in rows:
        by_epsilon.setdefault(float(row["epsilon"]), []).append(float(row["validation_accuracy"]))
    return {epsilon: (statistics.mean(values), len(values)) for epsilon, values in by_epsilon.items()}


def write_csv(results, path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["epsilon", "mean_accuracy", "deviation_over_seeds", "mean_samples", "seeds"])
        for epsilon in sorted(results[0], reverse=True):
            means = [result[epsilon][0] for result in results]
            counts = [result[epsilon][1] for result in results]
            deviation = statistics.stdev(means) if len(means) > 1 else 0.0
            writer.writerow([epsilon, f"{statistics.mean(means):.5f}", f"{deviation:.5f}",
                             f"{statistics.mean(counts):.1f}", len(means)])


def write_svg(results, path):
    """One line for each seed, thin, and their mean, thick."""
    epsilons = sorted(results[0], reverse=True)
    values = [[result[epsilon][0] for epsilon in epsilons] for result in results]
    mean = [statistics.mean(column) for column in zip(*values)]
    low = int(min(map(min, values)) * 100) / 100
    high = int(max(map(max, values)) * 100 + 1) / 100
    left, right, top, bottom = 70, 620, 40, 320

    def x(index):
        return left + (right - left) * index / (len(epsilons) - 1)

    def y(value):
        return bottom - (bottom - top) * (value - low) / (high - low)

    def line(series, style):
        points = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in enumerate(series))
        return f'<polyline points="{points}" fill="none" {style}/>'

    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 390" font-family="sans-serif" font-size="13">',
             '<rect width="660" height="390" fill="white"/>',
             f'<text x="{left}" y="22" font-size="15">Mean validation accuracy of the samples, NAS-Bench-201, CIFAR-10</text>']
    steps = round((high - low) * 100)
    for step in range(0, steps + 1, max(1, steps // 6)):
        value = low + step / 100
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for i, epsilon in enumerate(epsilons):
        parts.append(f'<text x="{x(i):.1f}" y="{bottom + 20}" text-anchor="middle">{epsilon:g}</text>')
    parts.append(f'<text x="{(left + right) / 2}" y="{bottom + 44}" text-anchor="middle">epsilon</text>')
    parts += [line(series, 'stroke="#9bbbd9" stroke-width="1"') for series in values]
    parts.append(line(mean, 'stroke="#1f5f99" stroke-width="3"'))
    parts.append(f'<text x="{right}" y="{bottom + 62}" text-anchor="end" fill="#555">thin: {len(values)} seeds, thick: their mean</text>')
    parts.append("</svg>")
    path.write_text("\n".join(parts) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--program", type=pathlib.Path, default=HERE.parent / "build" / "metaqnn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [mean_by_epsilon(samples_of_one_search(options.program, options.table.resolve(), seed,
                                                         pathlib.Path(folder)))
                   for seed in range(1, options.seeds + 1)]
    (HERE / "results").mkdir(exist_ok=True)
    write_csv(results, HERE / "results" / f"{NAME}.csv")
    write_svg(results, HERE / "results" / f"{NAME}.svg")
    print((HERE / "results" / f"{NAME}.csv").read_text(), end="")


if __name__ == "__main__":
    main()
