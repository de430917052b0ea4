"""results.md from the rows of results.csv."""
import math
import statistics

METHODS = ["lls", "rbf-ls", "ed-ls", "rbf-mr", "ed-mr", "combined"]
BASELINES = ["mean", "depth", "log-parameters", "nearest"]
NAMES = {"cifar10": "CIFAR-10, random networks", "svhn": "SVHN, random networks",
         "svhn_replay": "SVHN, the authors' search", "fashion_mnist": "Fashion-MNIST, our search"}
# Of the slides: L2 loss on CIFAR-10, SVHN, MNIST, then R2.
SLIDES = {
    "lls": ("0.00613", "0.05713", "0.01578", "0.59207", "0.60488", "0.13619"),
    "rbf-ls": ("0.00658", "0.06844", "0.12050", "0.53945", "0.47971", "-0.34912"),
    "ed-ls": ("0.00733", "0.06940", "0.01374", "0.47528", "0.47393", "-1.09552"),
    "rbf-mr": ("0.01122", "0.11132", "0.01499", "0.24544", "0.23255", "0.15724"),
    "ed-mr": ("0.01098", "0.10317", "0.01549", "0.27045", "0.28662", "0.11671"),
}
FIGURES = [("L2 loss", "l2_loss", 5), ("R2", "r2", 3), ("Kendall tau", "kendall_tau", 3),
           ("Spearman", "spearman", 3), ("tau, learned", "kendall_tau_learned", 3), ("top 10", "top10", 3)]


def processor():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")


def matching(rows, **conditions):
    return [row for row in rows if all(row[key] == value for key, value in conditions.items())]


def mean_and_deviation(rows, figure, decimals):
    values = [float(row[figure]) for row in rows if row[figure]]
    if not values:
        return "-"
    deviation = f" +- {statistics.stdev(values):.{decimals}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{decimals}f}{deviation}"


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |",
            *("| " + " | ".join(row) + " |" for row in rows), ""]


def beside_the_slides(rows):
    lines = ["## The slides' first table", "",
             "5 folds, mean over the repeats. The slides name neither their logs nor their split. Our CIFAR-10 and SVHN logs"
             " are the authors' own, published later. The SVHN search holds the networks that did not learn, as 0.1. Of"
             " MNIST there is no public log; Fashion-MNIST stands beside it and is another data set.", ""]
    folds = matching(rows, study="table", train_size="5 folds")
    for place, (title, figure, decimals) in enumerate(FIGURES[:2]):
        def ours(method, log):
            values = [float(row[figure]) for row in matching(folds, method=method, log=log)]
            return f"{statistics.mean(values):.{decimals}f}" if values else "-"

        cells = []
        for method in [*METHODS, *BASELINES]:
            slides = SLIDES.get(method, ("-",) * 6)[3 * place:]
            cells.append([method, slides[0], ours(method, "cifar10"), slides[1], ours(method, "svhn_replay"),
                          ours(method, "svhn"), slides[2], ours(method, "fashion_mnist")])
        lines += table([title, "CIFAR-10 slides", "ours", "SVHN slides", "ours, search", "ours, random", "MNIST slides",
                        "Fashion-MNIST ours"], cells)
    return lines


def each_log(rows):
    lines = []
    for log, name in NAMES.items():
        for size, title in (("5 folds", "5 folds"), ("100", "100 networks for training")):
            some = matching(rows, study="table", log=log, train_size=size)
            if not some:
                continue
            lines += [f"## {name}: {title}", "",
                      f"{some[0]['test']} networks for test. {len({row['seed'] for row in some})} repeats, mean and"
                      " deviation; top 10: mean accuracy of the ten predicted best.", ""]
            cells = [[method, *(mean_and_deviation(matching(some, method=method), figure, decimals)
                                for _, figure, decimals in FIGURES)] for method in [*METHODS, *BASELINES]]
            lines += table(["method", *(title for title, _, _ in FIGURES)], cells)
    return lines


def differences(rows, with_graph, without):
    """R2 of the former less R2 of the latter, seed by seed."""
    plain = {row["seed"]: float(row["r2"]) for row in matching(rows, method=without)}
    return [float(row["r2"]) - plain[row["seed"]] for row in matching(rows, method=with_graph)]


def compared(rows, with_graph, without):
    values = differences(rows, with_graph, without)
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0
    used = sum(float(row["graph_weight"] or 0) > 0 for row in matching(rows, method=with_graph))
    return [f"{statistics.mean(values):+.4f} +- {error:.4f}", f"{min(values):+.4f}", f"{max(values):+.4f}",
            f"{used} of {len(values)}"]


PAIRS = [("rbf-mr", "rbf-ls"), ("ed-mr", "ed-ls")]
COMPARED = ["mean and standard error", "worst", "best", "graph used"]


def manifold(rows, study, title, text):
    some = matching(rows, study=study)
    if not some:
        return []
    lines = [f"## {title}", "", text, ""]
    for with_graph, without in PAIRS:
        cells = []
        for log in NAMES:
            settings = dict.fromkeys((row["unlabelled"], row["train_size"]) for row in matching(some, log=log))
            for unlabelled, size in settings:
                chosen = matching(some, log=log, unlabelled=unlabelled, train_size=size)
                cells.append([log, chosen[0]["train"], {"test": "rest of the log"}.get(unlabelled, unlabelled),
                              mean_and_deviation(matching(chosen, method=without), "r2", 3),
                              *compared(chosen, with_graph, without)])
        lines += table(["log", "labels", "unlabelled", f"R2 of {without}", *COMPARED], cells)
    return lines


def failures(rows):
    some = matching(rows, study="failures")
    if not some:
        return []
    lines = ["## Networks that did not learn", "",
             "The authors' SVHN search. The test is the same for the three ways and holds the networks that did not learn,"
             " at chance; `exclude` leaves them out of the training alone.", ""]
    cells = []
    for size in ("100", "4/5"):
        for method in ("lls", "rbf-ls", "ed-ls", "combined"):
            for ways in ("exclude", "as-chance", "model"):
                chosen = matching(some, train_size=size, method=method, failures=ways)
                if chosen:
                    cells.append([{"100": "100 networks", "4/5": "4 of 5"}[size], method, ways,
                                  *(mean_and_deviation(chosen, figure, decimals) for _, figure, decimals in FIGURES)])
    return lines + table(["training", "method", "failures", *(title for title, _, _ in FIGURES)], cells)


def took(rows):
    seconds = {(row["study"], row["log"], row["train_size"], row["failures"], row["unlabelled"], row["seed"]):
               float(row["run_seconds"]) for row in rows}
    by_study = {}
    for key, value in seconds.items():
        by_study[key[0]] = by_study.get(key[0], 0) + value
    return ", ".join(f"{study} {value / 60:.0f}" for study, value in by_study.items()), sum(seconds.values()) / 60


def markdown(rows, version):
    dates = sorted({row["date"] for row in rows})
    parts, minutes = took(rows)
    lines = ["# How good the predictors are", "",
             "Made by `experiments/prediction/run`, which says how; every run is in `results.csv`. Accuracies are fractions.",
             "", f"{version}; {processor()}, one thread on a machine that had other work;"
             f" {' to '.join(dict.fromkeys((dates[0], dates[-1])))}; {minutes:.0f} minutes of runs ({parts}).", ""]
    lines += beside_the_slides(rows)
    lines += each_log(rows)
    lines += manifold(rows, "few_labels", "What unlabelled networks are worth, few labels",
                      "R2 with the graph less R2 without, on the same split.")
    lines += manifold(rows, "never_worse", "What 10,000 unlabelled networks do",
                      "R2 with the graph less R2 without, on the same split; the promise is never below -0.01.")
    lines += failures(rows)
    return "\n".join(lines).rstrip() + "\n"
