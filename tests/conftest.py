"""What holds for all tests: how Hypothesis looks for counter-examples.

Rules: a developer's runs look anew each time; CI looks at the same examples for the same code, so
that a red run is red again when it is repeated.
"""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
