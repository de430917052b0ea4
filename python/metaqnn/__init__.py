"""metaqnn: designs networks by search, and predicts how good they will be. docs/python.md begins with examples."""
from metaqnn._errors import DataError, Error, FailureError, UsageError
from metaqnn._evaluate import evaluate, read_log
from metaqnn._metaqnn import __version__, method_names
from metaqnn._predictor import Predictor, Ranked
from metaqnn._space import Contained, Description, Layer, Space
from metaqnn._study import Reservation, Study, Trial

__all__ = [
    "Contained",
    "DataError",
    "Description",
    "Error",
    "FailureError",
    "Layer",
    "Predictor",
    "Ranked",
    "Reservation",
    "Space",
    "Study",
    "Trial",
    "UsageError",
    "__version__",
    "evaluate",
    "method_names",
    "read_log",
]
