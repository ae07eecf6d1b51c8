"""Folders of CSV files as the benchmarks write them, with made-up figures that tell a story."""

import math
import random
from pathlib import Path

from benchmarks import about, mttr_rows
from benchmarks.about import About
from benchmarks.mttr_rows import BUCKET_S, MIB, Redundancy, Repair, Service, Trial
from benchmarks.results import Summary, write_summaries

PARTS = 2048
BEFORE_S, AFTER_S = 5.0, 5.0

MACHINE = About(
    command="mttr",
    settings={"k": 2, "m": 1, "objects": PARTS, "size": "1 MiB"},
    measured_at="2026-01-02 03:04 UTC",
    version="0.1.0",
    system="Linux x86_64",
    processor="A processor",
    cores=2,
    memory_bytes=24 * 1024 * MIB,
    python="CPython 3.11.7",
)


def a_trial(number: int = 1, fault: str = "wipe", mttr_s: float = 12.4, **changes: object) -> Trial:
    """A trial that healed; `changes` replace fields."""
    made = Trial(
        trial=number,
        fault=fault,
        node=f"node-{number}",
        objects=PARTS,
        bytes=PARTS * MIB,
        detect_s=2.61,
        repair_s=3.4,
        mttr_s=mttr_s,
        shards_rebuilt=PARTS,
        rebuild_mib_per_s=281.3,
        before_p50_ms=1.1,
        before_p99_ms=3.2,
        during_p50_ms=1.4,
        during_p99_ms=5.9,
        after_p50_ms=1.1,
        after_p99_ms=3.0,
        errors=0,
        wrong=0,
        back_s=1.2 if fault == "wipe" else 5.0 if fault == "kill" else 0.0,
        requests=4321,
        verdict="whole",
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def redundancy_of(trial: Trial, worst: float = 0.0, seed: int = 1) -> list[Redundancy]:
    """A fall at the fault to the share `worst`, and a climb from the first repaired shard on."""
    rng = random.Random(seed)
    healed_s = trial.mttr_s if math.isfinite(trial.mttr_s) else 60.0
    passes: list[Redundancy] = []
    t_s = -BEFORE_S
    while t_s < healed_s + AFTER_S:
        took_s = 0.1 + 0.05 * rng.random()
        share = 1.0
        if 0 < t_s < healed_s:
            done = max(0.0, (t_s - trial.repair_s) / (healed_s - trial.repair_s))
            share = worst + (1 - worst) * done**1.1
        whole = math.floor(PARTS * share)
        lost = 40 if trial.verdict != "whole" and 0 < t_s < healed_s / 2 else 0
        degraded = PARTS - whole - lost if share < 1 else 0
        passes.append(Redundancy(trial.trial, round(t_s, 3), took_s, whole, degraded, lost))
        t_s += 0.3 + took_s
    return [*passes, Redundancy(trial.trial, healed_s + AFTER_S, 0.1, PARTS, 0, 0)]


def service_of(trial: Trial, seed: int = 1) -> list[Service]:
    """Half seconds of clients, slower while it heals."""
    rng = random.Random(seed)
    healed_s = trial.mttr_s if math.isfinite(trial.mttr_s) else 60.0
    rows = []
    for number in range(int(-BEFORE_S / BUCKET_S), int((healed_s + AFTER_S) / BUCKET_S)):
        t_s = number * BUCKET_S
        slower = 1.4 if 0 <= t_s < healed_s else 1.0
        p50_ms = slower * rng.uniform(1.0, 1.3)
        p99_ms = p50_ms * rng.uniform(2.0, 5.0) + (200 if t_s == 0.0 else 0)
        errors = trial.errors if t_s == 1.0 else 0
        rows.append(Service(trial.trial, t_s, 110, round(p50_ms, 3), round(p99_ms, 3), errors, 0))
    return rows


def repair_of(trial: Trial) -> list[Repair]:
    """Ten looks a second at a repair of even speed."""
    healed_s = trial.mttr_s if math.isfinite(trial.mttr_s) else 60.0
    rows = []
    for number in range(int(-BEFORE_S * 10), int((healed_s + AFTER_S) * 10)):
        t_s = number / 10
        done = min(1.0, max(0.0, (t_s - trial.repair_s) / (healed_s - trial.repair_s)))
        shards = int(trial.shards_rebuilt * done)
        queued = trial.shards_rebuilt - shards if t_s > trial.detect_s else 0
        rows.append(Repair(trial.trial, t_s, shards, shards * MIB // 2, queued))
    return rows


def write_mttr(csv: Path, trials: list[Trial], worst: float = 0.0) -> None:
    """A run of `mttr`: all its files."""
    mttr_rows.write(csv, Trial, trials)
    courses = [(trial, trial.trial) for trial in trials]
    redundancy = [row for trial, seed in courses for row in redundancy_of(trial, worst, seed)]
    service = [row for trial, seed in courses for row in service_of(trial, seed)]
    mttr_rows.write(mttr_rows.beside(csv, "redundancy"), Redundancy, redundancy)
    mttr_rows.write(mttr_rows.beside(csv, "clients"), Service, service)
    repairs = [row for trial in trials for row in repair_of(trial)]
    mttr_rows.write(mttr_rows.beside(csv, "repair"), Repair, repairs)
    about.write(csv, MACHINE)


def summary(op: str, size_bytes: int, concurrency: int, p50_ms: float) -> Summary:
    """A phase of a thousand operations."""
    rate = concurrency * 1000 / p50_ms / 1.2
    moved = rate * size_bytes / MIB
    slow = (p50_ms * 1.2, p50_ms, p50_ms * 1.9, p50_ms * 3.4)
    return Summary(op, size_bytes, concurrency, 1000, rate, moved, *slow, 0)


def write_phases(folder: Path) -> None:
    """A run of `latency` and one of `throughput`."""
    sizes = ((4096, 1.0), (65536, 1.6), (MIB, 4.0))
    ops = (("PUT", 2.1), ("GET", 1.1), ("HEAD", 0.7), ("LIST", 1.9), ("DELETE", 1.4))
    rows = [summary(op, size, 1, ms * more) for size, more in sizes for op, ms in ops]
    write_summaries(folder / "latency-summary.csv", rows)
    plan = (
        (4096, 1, 2.1),
        (4096, 16, 13.0),
        (4096, 64, 35.0),
        (64 * MIB, 1, 280),
        (64 * MIB, 4, 990),
    )
    rows = [
        summary(op, size, at_once, ms * (1 if op == "PUT" else 0.4))
        for size, at_once, ms in plan
        for op in ("PUT", "GET")
    ]
    write_summaries(folder / "throughput-summary.csv", rows)


def write_everything(folder: Path) -> None:
    """What a long evening of measuring leaves behind."""
    wiped = [a_trial(1), a_trial(2, mttr_s=14.0, detect_s=2.4), a_trial(3, mttr_s=11.2)]
    write_mttr(folder / "wipe.csv", wiped)
    killed = a_trial(1, "kill", 7.3, repair_s=5.3, detect_s=2.7, shards_rebuilt=97)
    write_mttr(folder / "kill.csv", [killed])
    corrupted = a_trial(2, "corrupt", 3.1, repair_s=0.9, detect_s=0.4, shards_rebuilt=5)
    write_mttr(folder / "corrupt.csv", [corrupted], worst=0.9976)
    write_phases(folder)
