"""Builds networks from their strings as plain modules of PyTorch and compares them with what was exported.

torch_modules.py PROGRAM: reads cases.json in this folder, a list of {"architecture", "input": [channels, height,
width], "batch_normalization"}, and of case k the TorchScript k.pt. Parameters and MACs are compared with those that
PROGRAM describes, outputs with those of the TorchScript, whose weights are taken one after another.
"""
import json
import re
import subprocess
import sys

import torch
from torch import nn


def parse(text):
    """[C(4,3,1), R[BN]] -> [("C", [4, 3, 1]), ("R", [[("BN", [])]])]"""
    tokens = re.findall(r"[A-Z]+\([0-9,]+\)|BN|R\[|S\[|[\];\[]", text)
    at = 0

    def lists():
        nonlocal at
        result = [[]]
        while True:
            token = tokens[at]
            at += 1
            if token == "]":
                return result
            if token == ";":
                result.append([])
            elif token in ("R[", "S["):
                result[-1].append((token[0], lists()))
            else:
                name, _, numbers = token.rstrip(")").partition("(")
                result[-1].append((name, [int(number) for number in numbers.split(",") if number]))

    assert tokens[0] == "["
    at = 1
    (layers,) = lists()
    assert at == len(tokens)
    return layers


class Mixed(nn.Module):
    def __init__(self, field, stride):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.largest, self.mean = nn.MaxPool2d(field, stride), nn.AvgPool2d(field, stride)

    def forward(self, x):
        share = torch.sigmoid(self.weight)
        return share * self.largest(x) + (1 - share) * self.mean(x)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


class Split(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(3).mean(2)


class Builder:
    """Follows the sizes by asking PyTorch what each module makes of an image."""

    def __init__(self, normalize, weights, statistics):
        self.normalize, self.weights, self.statistics = normalize, weights, statistics
        self.of_the_setting = 0  # parameters

    def load(self, module, x):
        module.weight.data = self.weights.pop(0)
        if isinstance(module, nn.Linear) and x.dim() == 4:  # from height x width x channels
            _, channels, height, width = x.shape
            module.weight.data = module.weight.view(-1, height, width, channels).permute(0, 3, 1, 2).flatten(1)
        if not isinstance(module, Mixed):
            module.bias.data = self.weights.pop(0)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean, module.running_var = self.statistics.pop(0)
        return module

    def norm(self, x):
        kind = nn.BatchNorm2d if x.dim() == 4 else nn.BatchNorm1d
        return self.load(kind(x.shape[1]), x)

    def weighted(self, module, x):
        """With the normalisation of the setting."""
        modules = nn.Sequential(*([nn.Flatten()] if isinstance(module, nn.Linear) and x.dim() == 4 else []),
                                self.load(module, x)).eval()
        if self.normalize:
            modules.append(self.norm(modules(x)))
            self.of_the_setting += sum(parameter.numel() for parameter in modules[-1].parameters())
        return modules.eval()

    def layer(self, kind, numbers, x):
        channels = x.shape[1]
        if kind == "C":
            filters, field, stride = numbers
            return self.weighted(nn.Conv2d(channels, filters, field, stride, field // 2), x).append(nn.ReLU())
        if kind == "DC":
            field, stride = numbers
            convolution = nn.Conv2d(channels, channels, field, stride, field // 2, groups=channels)
            return self.weighted(convolution, x).append(nn.ReLU())
        if kind == "P":
            return nn.MaxPool2d(*numbers)
        if kind == "A":
            return nn.AvgPool2d(*numbers)
        if kind == "M":
            return self.load(Mixed(*numbers), x)
        if kind == "BN":
            return self.norm(x)
        if kind == "FC":
            return self.weighted(nn.Linear(x[0].numel(), *numbers), x).append(nn.ReLU())
        if kind == "GAP":
            return self.weighted(nn.Conv2d(channels, *numbers, 1), x).append(nn.ReLU()).append(Mean())
        if kind == "SM":
            flatten = [nn.Flatten()] if x.dim() == 4 else []
            return nn.Sequential(*flatten, self.load(nn.Linear(x[0].numel(), *numbers), x), nn.Softmax(1))
        if kind == "R":
            body, y = self.sequence(numbers[0], x)
            if y.shape == x.shape:
                return Residual(body, nn.Identity())
            stride = stride_of(numbers[0])
            return Residual(body, self.weighted(nn.Conv2d(channels, y.shape[1], 1, stride), x))
        assert kind == "S", kind
        return Split([self.sequence(branch, x)[0] for branch in numbers])

    def sequence(self, layers, x):
        modules = nn.Sequential()
        for kind, numbers in layers:
            modules.append(self.layer(kind, numbers, x).eval())
            x = modules[-1](x)
        return modules, x


def stride_of(layers):
    product = 1
    for kind, numbers in layers:
        if kind in ("R", "S"):
            product *= stride_of(numbers[0])
        elif kind != "BN":
            product *= numbers[-1]
    return product


def macs_of(network, image):
    counted = []

    def count(module, _, output):
        per_output = module.weight[0].numel()
        counted.append(per_output * output[0].numel())

    hooks = [module.register_forward_hook(count) for module in network.modules()
             if isinstance(module, (nn.Conv2d, nn.Linear))]
    network(image)
    for hook in hooks:
        hook.remove()
    return sum(counted)


def numbered(buffers, prefix):
    found = {int(name.removeprefix(prefix)): values for name, values in buffers.items() if name.startswith(prefix)}
    return [found[number] for number in sorted(found)]


def compare(name, case, program):
    exported = torch.jit.load(name + ".pt")
    buffers = dict(exported.named_buffers())
    weights = numbered(buffers, "weight_")
    statistics = list(zip(numbered(buffers, "mean_"), numbered(buffers, "variance_")))
    images = torch.rand([20] + case["input"])
    builder = Builder(case["batch_normalization"], weights, statistics)
    network, expected = builder.sequence(parse(case["architecture"]), images)
    assert not weights and not statistics, "left over"

    shape = "x".join(map(str, case["input"]))
    command = [program, "describe", case["architecture"], "--input", shape, "--format", "json"]
    described = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    parameters = sum(parameter.numel() for parameter in network.parameters()) - builder.of_the_setting
    assert described["parameters"] == parameters, (described["parameters"], parameters)
    macs = macs_of(network, images[:1])
    assert described["macs"] == macs, (described["macs"], macs)

    difference = (exported(images) - expected).abs().max().item()
    assert difference <= 1e-5, difference
    return (expected.max(0).values - expected.min(0).values).max().item()


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    with open("cases.json") as file:
        cases = json.load(file)
    told_apart = 0
    with torch.no_grad():
        for k, case in enumerate(cases):
            try:
                told_apart += compare(str(k), case, sys.argv[1]) > 1e-3
            except Exception as error:
                raise AssertionError(f"case {k}, {case}") from error
    # One that says the same of every image would agree with any other.
    assert told_apart > 0.9 * len(cases), told_apart


main()
