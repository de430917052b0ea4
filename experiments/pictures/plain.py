"""The networks of `metaqnn` in the loop that anybody writes, in Python's PyTorch: what do they reach on the same pictures?

    python3 plain.py PICTURES SEEDS ARCHITECTURE...

PICTURES holds train/ and test/ with a folder for each class. Every network is trained as `finetune` does by the defaults
for few pictures: batch normalisation before each ReLU, batches of 32, Adam for 60, 30 and 10 epochs at 1e-3, 3e-4 and
1e-4, shifts of up to 2 pixels. Prints one line for each network and seed: its error on the test pictures.
"""
import pathlib
import re
import sys

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn

SIDE = 32


def read(folder):
    pixels, labels = [], []
    for label, name in enumerate(sorted(p.name for p in folder.iterdir())):
        for path in sorted((folder / name).iterdir()):
            try:
                picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
            except OSError:
                continue
            pixels.append(np.asarray(picture.resize((SIDE, SIDE), Image.BOX)))
            labels.append(label)
    return torch.tensor(np.stack(pixels)).permute(0, 3, 1, 2).float(), torch.tensor(labels)


def network(text):
    layers, channels, side = [], 3, SIDE
    for kind, numbers in re.findall(r"([A-Z]+)\(([\d,]*)\)", text):
        sizes = [int(n) for n in numbers.split(",")]
        if kind == "C":
            layers += [nn.Conv2d(channels, sizes[0], sizes[1], sizes[2], padding="same"), nn.BatchNorm2d(sizes[0]), nn.ReLU()]
            channels = sizes[0]
        elif kind == "P":
            layers += [nn.MaxPool2d(sizes[0], sizes[1])]
            side = (side - sizes[0]) // sizes[1] + 1
        elif kind == "FC":
            layers += [nn.Flatten(), nn.Linear(channels * side * side, sizes[0]), nn.BatchNorm1d(sizes[0]), nn.ReLU()]
            channels, side = sizes[0], 1
        elif kind == "SM":
            layers += [nn.Flatten(), nn.Linear(channels * side * side, sizes[0])]
        else:
            raise SystemExit(f"{kind} is not a layer of this comparison")
    return nn.Sequential(*layers)


def augmented(images, rng):
    padded = nn.functional.pad(images, (2, 2, 2, 2))
    out = torch.empty_like(images)
    for i in range(len(images)):
        y, x = rng.integers(0, 5, 2)
        out[i] = padded[i, :, y : y + SIDE, x : x + SIDE]
    return out


def error(text, seed, train, test):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = network(text)
    optimizer = torch.optim.Adam(model.parameters())
    for rate, epochs in ((1e-3, 60), (3e-4, 30), (1e-4, 10)):
        optimizer.param_groups[0]["lr"] = rate
        for _ in range(epochs):
            model.train()
            for batch in torch.randperm(len(train[1])).split(32):
                if len(batch) == 1:
                    continue
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(augmented(train[0][batch], rng)), train[1][batch]).backward()
                optimizer.step()
    model.eval()
    with torch.no_grad():
        return (model(test[0]).argmax(1) != test[1]).float().mean().item()


def main():
    folder, seeds, texts = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    train, test = read(folder / "train"), read(folder / "test")
    mean, deviation = train[0].mean(0), train[0].std(0) + 1e-6
    train, test = [((pixels - mean) / deviation, labels) for pixels, labels in (train, test)]
    print(f"# {len(train[1])} train, {len(test[1])} test", flush=True)
    for text in texts:
        for seed in range(1, seeds + 1):
            print(f"{error(text, seed, train, test):.4f}  {seed}  {text}", flush=True)


main()
