"""An event loop whose clock jumps: nothing ever waits, and the same program gives the same run.

Rules:
1. When nothing is ready the clock moves to the next timer at once. When there is no timer either,
   nobody would ever be woken: Stuck.
2. There are no threads and no sockets; what is handed to an executor runs on the spot.
3. A task belongs to the `Process` that created it, or whose task did. Killing a process cancels its
   tasks, those that their clean-up creates included: nothing of it runs on.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

KILL_TURNS = 100
"""Of the loop, in which whatever was cancelled must have ended."""

_PROCESS: ContextVar["Process | None"] = ContextVar("process", default=None)


class Stuck(Exception):
    """Everybody waits for somebody else."""


class _Jump(selectors.SelectSelector):
    """Tells the time instead of waiting for it to pass."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("no task is ready and no timer is set")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module's rules."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self.set_task_factory(_make_task)
        self.troubles: list[str] = []
        """What nobody took care of: exceptions of tasks that were never looked at."""

        self.set_exception_handler(self._trouble)

    def time(self) -> float:
        return self._jump.now

    def run_in_executor(self, executor, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _trouble(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.troubles.append(f"{context['message']}: {context.get('exception')!r}")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run it to its end in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class Process:
    """Tasks that live and die together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        # In the order of their creation: a set's order would change from run to run.
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._context = Context()
        self._context.run(_PROCESS.set, self)

    @property
    def tasks(self) -> list[asyncio.Task[Any]]:
        """Those that have not ended."""
        return list(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run it as a task of this process."""
        return asyncio.get_running_loop().create_task(work, context=self._context)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Its task from now on."""
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        if self.is_dead:
            task.cancel()

    async def kill(self) -> None:
        """End it at once. Returns when no task of it is left."""
        self.is_dead = True
        for _ in range(KILL_TURNS):
            if not self._tasks:
                return
            for task in self.tasks:
                task.cancel()
            await asyncio.sleep(0)
        raise AssertionError(f"{self.name}: {len(self._tasks)} tasks outlive it: {self.tasks}")

    def check(self) -> None:
        """For what a process uses of the world: the dead reach nothing any more."""
        if self.is_dead:
            raise asyncio.CancelledError


def _make_task(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T],
    *,
    context: Context | None = None,
    **options: Any,
) -> asyncio.Task[T]:
    task = asyncio.Task(work, loop=loop, context=context, **options)
    process = _PROCESS.get() if context is None else context.get(_PROCESS)
    if process is not None:
        process.adopt(task)
    return task
