"""`make demo`: a tree of thousands of files goes into a cluster and comes back, whatever is killed.

Rules: real data (this Python's own library), real programs, real SIGKILLs, and `diff -r` as the
judge. The demo makes its own cluster in a temporary directory and leaves nothing behind.
"""

import os
import random
import shutil
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from benchmarks.cluster import Cluster, ClusterError, is_running
from benchmarks.results import readable_size
from benchmarks.sync import Sync, SyncError, pick_sync
from benchmarks.target import target_at

BUCKET = "python-library"
LEFT_OUT = {"__pycache__", "site-packages"}


@dataclass(frozen=True)
class Tree:
    """A tree of files on disk."""

    path: Path
    files: int
    bytes: int


@dataclass(frozen=True)
class Step:
    """What was done, how long it took, and whether the result is right."""

    what: str
    seconds: float
    verdict: str
    is_good: bool = True


class Demo:
    """The whole story, told on a console."""

    def __init__(self, console: Console, cluster: Cluster, tree: Tree, scratch: Path) -> None:
        self._console = console
        self._cluster = cluster
        self._tree = tree
        self._scratch = scratch
        self._steps: list[Step] = []

    def run(self) -> bool:
        """Whether every byte survived everything."""
        started = self._timed("start coordinator, 3 nodes", self._cluster.start)
        self._note(started, self._cluster.endpoint)
        sync = pick_sync(target_at(self._cluster.endpoint, *self._cluster.credentials))
        went_in = self._timed(f"in, with {sync.name}", self._upload(sync))
        self._note(went_in, "2 data shards + 1 parity, fsynced")
        self._bring_back(sync, "out again")

        victim = random.choice(self._cluster.node_ids())
        pid = self._cluster.hold_down(victim)
        self._killed(f"SIGKILL {victim}", [pid])
        self._bring_back(sync, f"out again, {victim} dead")
        self._cluster.release(victim)

        pids = self._cluster.kill_everything()
        self._killed("SIGKILL every process", pids)
        again = self._timed("start on the same data", self._cluster.start)
        self._note(again, f"{len(self._cluster.pids())} new processes")
        self._bring_back(sync, "out once more")
        return self._sum_up()

    def _upload(self, sync: Sync) -> Callable[[], None]:
        return lambda: sync.upload(self._tree.path, BUCKET)

    def _bring_back(self, sync: Sync, what: str) -> None:
        back = self._scratch / "back"
        seconds = self._timed(what, lambda: sync.download(BUCKET, back))
        judged = subprocess.run(
            ["diff", "-r", str(self._tree.path), str(back)],
            capture_output=True,
            text=True,
            check=False,
        )
        is_same = judged.returncode == 0
        verdict = "identical" if is_same else judged.stdout[:300] or "diff failed"
        self._steps.append(Step(*seconds, verdict, is_same))
        self._say(self._steps[-1])
        shutil.rmtree(back)

    def _timed(self, what: str, action: Callable[[], None]) -> tuple[str, float]:
        begin = time.perf_counter()
        with self._console.status(what):
            action()
        return what, time.perf_counter() - begin

    def _note(self, timed: tuple[str, float], verdict: str) -> None:
        self._steps.append(Step(*timed, verdict))
        self._say(self._steps[-1])

    def _killed(self, what: str, pids: list[int]) -> None:
        is_dead = not any(map(is_running, pids))
        count = "1 process" if len(pids) == 1 else f"{len(pids)} processes"
        verdict = f"{count} dead" if is_dead else "it did not die"
        self._steps.append(Step(what, 0.0, verdict, is_dead))
        self._say(self._steps[-1])

    def _say(self, step: Step) -> None:
        mark = "[green]ok[/]" if step.is_good else "[red]no[/]"
        if step.what.startswith("SIGKILL"):
            mark = "[yellow]††[/]"
        took = f"[cyan]{step.seconds:6.1f} s[/]" if step.seconds else " " * 8
        self._console.print(f" {mark} {took}  {step.what}: [dim]{step.verdict}[/]", soft_wrap=True)

    def _sum_up(self) -> bool:
        tree = self._tree
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("the bytes went", no_wrap=True)
        for name in ("seconds", "files/s", "MiB/s"):
            table.add_column(name, justify="right")
        table.add_column("diff -r", no_wrap=True)
        for step in self._steps:
            if not step.what.startswith(("in,", "out")):
                continue
            table.add_row(
                step.what,
                f"{step.seconds:.1f}",
                f"{tree.files / step.seconds:,.0f}",
                f"{tree.bytes / step.seconds / 1024**2:,.1f}",
                "" if step.what.startswith("in") else step.verdict,
                style="" if step.is_good else "red",
            )
        self._console.print(table)
        survived = all(step.is_good for step in self._steps)
        told = (
            f"[bold green]All {tree.files:,} files ({readable_size(tree.bytes)}) came back"
            " identical[/], three times:\nfrom the whole cluster, with a node dead, and after"
            " everything had died."
            if survived
            else "[bold red]Something was lost.[/] That is a bug: please report it."
        )
        self._console.print(Panel(told, expand=False, padding=(0, 2)))
        return survived


def plant(source: Path, path: Path) -> Tree:
    """Copy the source's regular files: no links, no byte code, nobody else's packages. Empty
    folders are left out too, because an object store has none."""
    files = size = 0
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            one = Path(folder, name)
            if one.is_symlink() or not one.is_file():
                continue
            copy = path / one.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(one, copy)
            files += 1
            size += one.stat().st_size
    return Tree(path, files, size)


def main() -> int:
    """Run the demo; 0 if everything survived."""
    console = Console()
    source = Path(sysconfig.get_path("stdlib"))
    with tempfile.TemporaryDirectory(prefix="trilith-demo-") as folder:
        scratch = Path(folder)
        tree = plant(source, scratch / "tree")
        console.print(
            f"[bold]{tree.files:,} files, {readable_size(tree.bytes)}[/] of {source}, into an"
            " erasure-coded cluster and back\n",
            soft_wrap=True,
        )
        cluster = Cluster(scratch / "cluster")
        try:
            return 0 if Demo(console, cluster, tree, scratch).run() else 1
        except (ClusterError, SyncError) as error:
            console.print(f"[red]error:[/] {error}")
            return 2
        finally:
            cluster.stop()


if __name__ == "__main__":
    raise SystemExit(main())
