"""One part's bytes as frames of AES-256-GCM: each can be opened alone, none can be moved.

    plain:   |- 65,520 -|- 65,520 -|- rest -|        stored: |- 65,536 -|- 65,536 -|- rest + 16 -|

Rules:
1. A part has a key of its own (`DataKey.part`), so a nonce need only be unique within the part: it
   is the frame's index and, in its first byte, whether the frame is the last. A frame that was
   moved, repeated, taken from another part, or made the last by cutting off what follows does not
   open. (The construction is STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015.)
2. A stored frame is 64 KiB, tag included: units are multiples of it unless set to less, so a frame
   lies within one unit and a small range costs one unit's read.
3. Sizes follow from each other in both directions; a part without bytes has no frames.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coordinator.crypto.errors import Tampered
from node.record import Buffer

TAG_BYTES: Final = 16
STORED_FRAME_BYTES: Final = 64 * 1024
FRAME_BYTES: Final = STORED_FRAME_BYTES - TAG_BYTES
"""What a frame holds of the object."""

_INDEX_BYTES: Final = 11


def stored_size(size: int) -> int:
    """The stored bytes of a part that holds `size` bytes of an object."""
    return size + -(-size // FRAME_BYTES) * TAG_BYTES


def plain_size(stored: int) -> int:
    """The inverse of `stored_size`. Raises Tampered if no part is stored in so many bytes."""
    frames = -(-stored // STORED_FRAME_BYTES)
    if 0 < stored - (frames - 1) * STORED_FRAME_BYTES <= TAG_BYTES:
        raise Tampered(f"no encrypted part has {stored} bytes")
    return stored - frames * TAG_BYTES


class FrameCipher:
    """Seals and opens the frames of one part."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        """`key`: 32 bytes, of this part alone."""
        self._aead = AESGCM(key)

    def seal(self, first: int, data: Buffer, *, is_end: bool) -> bytes:
        """The frames from number `first` on that hold `data`: whole ones, unless this is the end
        of the part."""
        view = memoryview(data)
        stops = range(FRAME_BYTES, len(view) + FRAME_BYTES, FRAME_BYTES)
        assert is_end or len(view) % FRAME_BYTES == 0, "only the last frame may be short"
        return b"".join(
            self._aead.encrypt(
                _nonce(first + index, is_end and stop >= len(view)),
                view[stop - FRAME_BYTES : stop],
                None,
            )
            for index, stop in enumerate(stops)
        )

    def open(self, first: int, stored: Buffer, *, is_end: bool) -> list[bytes]:
        """What the frames from number `first` on hold, frame by frame; `is_end`: the last of them
        is the part's last. Raises Tampered."""
        view = memoryview(stored)
        stops = range(STORED_FRAME_BYTES, len(view) + STORED_FRAME_BYTES, STORED_FRAME_BYTES)
        opened = []
        for index, stop in enumerate(stops):
            nonce = _nonce(first + index, is_end and stop >= len(view))
            try:
                frame = self._aead.decrypt(nonce, view[stop - STORED_FRAME_BYTES : stop], None)
            except InvalidTag as error:
                raise Tampered(f"frame {first + index} is not what was encrypted") from error
            opened.append(frame)
        return opened


def _nonce(index: int, is_last: bool) -> bytes:
    return (b"\x01" if is_last else b"\x00") + index.to_bytes(_INDEX_BYTES, "big")
