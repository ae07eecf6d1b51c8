"""Runs seeds in a process of its own, so that sets and dicts have the same order every time.

    PYTHONHASHSEED=0 python -m tests.simulation [--first 0] [--step 1] [--count 1] [--seconds S]

One line of JSON for each seed that fails, or for every seed with -v; the last line counts.
"""

import argparse
import json
import logging
import sys
import time
from dataclasses import asdict

from tests.simulation.program import simulate


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.simulation")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    if sys.flags.hash_randomization:
        parser.error("set PYTHONHASHSEED=0, else a seed does not replay")
    logging.lastResort = None
    began_s = time.monotonic()
    done = 0
    while done < options.count and time.monotonic() - began_s < options.seconds:
        outcome = simulate(options.first + done * options.step)
        done += 1
        if outcome.failure is not None or options.verbose:
            print(json.dumps(asdict(outcome)), flush=True)
    print(json.dumps({"done": done}))


main()
