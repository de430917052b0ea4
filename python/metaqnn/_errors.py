"""What can go wrong, by who can mend it."""


class Error(Exception):
    """Every error of metaqnn: it says what, where, and what to do."""

    __module__ = "metaqnn"


class UsageError(Error, ValueError):
    """Wrong usage or configuration: an unknown name, a string that cannot be read."""

    __module__ = "metaqnn"


class DataError(Error, ValueError):
    """Unreadable or corrupt data: a missing file, a damaged study."""

    __module__ = "metaqnn"


class FailureError(Error, RuntimeError):
    """What was asked for correctly and still did not work: a full disk, a server that is away."""

    __module__ = "metaqnn"
