"""Which architectures may a search write?"""
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaqnn import _metaqnn
from metaqnn._errors import UsageError

# A TOML file, or what would stand in one: {"space": {"kind": "sequence", ...}, ...}.
Config = str | os.PathLike[str] | Mapping[str, Any]


def as_configuration(config: Config) -> _metaqnn.Configuration:
    """Relative paths in a file are relative to it, in a mapping to the working directory."""
    if isinstance(config, Mapping):
        return _metaqnn.parse_configuration(_toml(config), "the configuration", Path.cwd())
    return _metaqnn.read_configuration(Path(config))


def _toml(config: Mapping[str, Any]) -> str:
    lines = [f"{_key(name)} = {_value(value)}" for name, value in config.items() if not isinstance(value, Mapping)]
    for name, section in config.items():
        if isinstance(section, Mapping):
            lines.append(f"[{_key(name)}]")
            lines += [f"{_key(key)} = {_value(value)}" for key, value in section.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, os.PathLike):
        return _value(os.fspath(value))
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    raise UsageError(f"a configuration cannot hold {value!r}")


@dataclass(frozen=True)
class Contained:
    """Whether a space allows an architecture; true where it does."""

    allowed: bool
    architecture: str  # canonical, as the space writes it
    reason: str  # why not; "" where it is allowed

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True)
class Layer:
    layer: str
    output: str  # CxHxW
    parameters: int
    macs: int


@dataclass(frozen=True)
class Description:
    """What an architecture is; of strings that are no networks only whether the space allows them."""

    architecture: str
    allowed: bool
    reason: str  # why not
    input: str | None = None
    depth: int | None = None
    parameters: int | None = None
    hidden_weights: int | None = None
    macs: int | None = None
    layers: tuple[Layer, ...] = ()


class Space:
    """The space of a configuration, a TOML file or a mapping of its sections.

    >>> space = Space("experiments/cifar10.toml")
    >>> space.sample(2)
    >>> space.contains("[P(2,2), SM(10)]").reason
    """

    def __init__(self, config: Config) -> None:
        self._space = _metaqnn.Space(as_configuration(config))

    def sample(self, count: int, seed: int | None = None) -> list[str]:
        """So many different architectures by uniform walks, within the limits of the configuration. Without a seed that
        of the configuration. Raises FailureError where there are fewer."""
        if count < 0:
            raise UsageError(f"count is {count}; give a number from 0 on")
        return self._space.sample(count, seed)

    def contains(self, architecture: str) -> Contained:
        """Whether the space allows it, and if not why; what is no architecture at all is not in it."""
        try:
            return Contained(*self._space.find(architecture))
        except UsageError as malformed:
            return Contained(False, architecture, str(malformed))

    def __contains__(self, architecture: str) -> bool:
        return self.contains(architecture).allowed

    def describe(self, architecture: str) -> Description:
        """Layers, shapes, parameters and multiplications, for the space's input. Raises UsageError where the string or
        a shape is impossible."""
        parts = self._space.describe(architecture)
        layers = tuple(Layer(**layer) for layer in parts.pop("layers", []))
        return Description(layers=layers, **parts)

    @property
    def states(self) -> int:
        """In which an agent chooses."""
        return self._space.states

    @property
    def transitions(self) -> int:
        """Pairs of a state and a choice."""
        return self._space.transitions

    @property
    def architectures(self) -> int:
        """How many there are."""
        return int(self._space.architectures)
