"""What encryption can refuse, one class per reason; no message ever holds a key."""


class CryptoError(Exception):
    """Base of everything this package raises."""


class KeyFileError(CryptoError):
    """The key file can't be used; says which and why."""


class UnknownKey(CryptoError):
    """The key store has no key of that id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the key store has no key {key_id!r}")
        self.key_id = key_id


class KeyExists(CryptoError):
    """There is a key of that id already; it is never replaced."""


class KeyNeeded(CryptoError):
    """The object is encrypted with its owner's key, which was not given."""


class KeyNotWanted(CryptoError):
    """A customer's key was given for what is not encrypted with one."""


class WrongKey(CryptoError):
    """The customer's key is not the one that the object is encrypted with."""


class LostKey(CryptoError):
    """The key store lacks the key that an object is encrypted with, or has another in its place."""


class Tampered(CryptoError):
    """Stored bytes are not those that were encrypted there."""
