"""Tags of users and roles, as AWS bounds them.

Source: "Rules for tagging in IAM and AWS STS" in the IAM User Guide. Keys differ by more than case.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from coordinator.iam.errors import IamError

MAX_TAGS: Final = 50

_KEY = re.compile(r"[\w\s.:/=+@-]{1,128}")
_VALUE = re.compile(r"[\w\s.:/=+@-]{0,256}")


def check_tags(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Tags as a request gives them. Raises IamError InvalidInput."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            raise IamError(
                "InvalidInput",
                "A tag has a key of 1 to 128 and a value of up to 256 letters, digits, spaces and"
                " _.:/=+-@",
            )
        tags[key] = value
    if len({key.lower() for key in tags}) < len(pairs):
        raise IamError("InvalidInput", "Duplicate tag keys found. Tag keys are case insensitive.")
    if len(tags) > MAX_TAGS:
        raise _too_many()
    return tags


def with_tags(former: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """All of them; an added one takes the place of one whose key differs by case only. Raises
    IamError LimitExceeded."""
    lowered = {key.lower() for key in added}
    tags = {key: value for key, value in former.items() if key.lower() not in lowered}
    tags |= added
    if len(tags) > MAX_TAGS:
        raise _too_many()
    return tags


def without_tags(former: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """What is left of them."""
    gone = {key.lower() for key in keys}
    return {key: value for key, value in former.items() if key.lower() not in gone}


def _too_many() -> IamError:
    return IamError("LimitExceeded", f"at most {MAX_TAGS} tags are allowed")
