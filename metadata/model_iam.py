"""What changes of IAM's documents are made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IamChange:
    """One document of IAM to be set (`document` None: removed), as part of several changes.

    `must_equal`: only if it has this text now; `must_not_exist`: only if there is none."""

    kind: str
    name: str
    document: str | None
    must_equal: str | None = None
    must_not_exist: bool = False
