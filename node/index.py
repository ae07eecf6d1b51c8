"""Where each live record lies: the catalog on disk, and before it what the log said since.

Rules:
1. One thread applies durable batches (the writer), one flushes (maintenance), any looks up. The
   layers are an immutable tuple, newest first, swapped whole: a look-up sees a flush or does not.
2. The overlay is bounded by whoever applies: see `pending` and engine.py.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator

from node.catalog import Catalog
from node.overlay import Gone, Layer, Location
from node.record import RecordKey


class Index:
    """See the module's rules."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._layers: tuple[Layer, ...] = (Layer(),)
        self._applied_to = self._frozen_to = catalog.watermark
        self._apply_lock = threading.Lock()

    def find(self, key: RecordKey) -> Location | None:
        """Where the record lies, if it lives. Raises NodeFailed."""
        ((_, location),) = self.find_all([key])
        return location

    def find_all(self, keys: Iterable[RecordKey]) -> list[tuple[RecordKey, Location | None]]:
        """Each key with where its record lies, if it lives. Raises NodeFailed."""
        found = [(key, self._find_recent(key)) for key in keys]
        # After the layers: what a flush takes away from them is in the catalog by then.
        unknown = [key for key, recent in found if recent is None]
        older = self.catalog.find_all(unknown) if unknown else {}
        return [
            (key, recent if isinstance(recent, Location) else older.get(key))
            for key, recent in found
        ]

    def _find_recent(self, key: RecordKey) -> Location | Gone | None:
        for layer in self._layers:
            found = layer.find(key)
            if found is not None:
                return found
        return None

    @contextlib.contextmanager
    def applying(self, position: tuple[int, int]) -> Iterator[Layer]:
        """The layer to apply a durable batch to, after which the log is applied to `position`."""
        with self._apply_lock:
            yield self._layers[0]
            self._applied_to = position

    @property
    def pending(self) -> int:
        """Changes that the catalog does not have yet."""
        return sum(layer.size for layer in self._layers)

    def flush(self) -> None:
        """Move the overlay into the catalog. After an error it stays, for the next flush to try.

        Raises NodeFull, NodeFailed.
        """
        if len(self._layers) == 1:
            with self._apply_lock:
                self._frozen_to = self._applied_to
                self._layers = (Layer(), self._layers[0])
        self.catalog.apply(self._layers[1], self._frozen_to)
        with self._apply_lock:
            self._layers = self._layers[:1]
