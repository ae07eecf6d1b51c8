"""What the path of the bytes can refuse, one class per reason."""


class ObjectsError(Exception):
    """Base of everything this package raises."""


class WriteFailed(ObjectsError):
    """Too few shards became durable: nothing was committed. `reasons` says why, node by node."""

    def __init__(self, message: str, reasons: dict[str, str]) -> None:
        details = "; ".join(f"{node}: {reason}" for node, reason in sorted(reasons.items()))
        super().__init__(f"{message} ({details})" if details else message)
        self.reasons = reasons


class Unreadable(ObjectsError):
    """Fewer than k shards of a stripe can be had now; the nodes that hold them may come back."""


class BodyTooLarge(ObjectsError):
    """The body is longer than a part may be."""


class InvalidPart(ObjectsError):
    """A part named for completion was never uploaded, or has another ETag."""


class InvalidPartOrder(ObjectsError):
    """The parts named for completion are not in ascending order."""


class PartTooSmall(ObjectsError):
    """A part other than the last is under the minimum size."""
