"""The bound on bodies in memory."""

import asyncio

from node.budget import ByteBudget


async def test_first_come_first_served_within_the_limit():
    budget = ByteBudget(10)
    order: list[str] = []
    release = {name: asyncio.Event() for name in "abcd"}

    async def holder(name: str, size: int) -> None:
        async with budget.hold(size):
            order.append(name)
            await release[name].wait()

    async def settled() -> str:
        for _ in range(5):
            await asyncio.sleep(0)
        return "".join(order)

    sizes = {"a": 6, "b": 5, "c": 4, "d": 100}
    tasks = {name: asyncio.create_task(holder(name, size)) for name, size in sizes.items()}
    assert await settled() == "a"  # c would fit, but b came first
    release["a"].set()
    assert await settled() == "abc"
    tasks["c"].cancel()
    release["b"].set()
    assert await settled() == "abcd"  # alone, it may be larger than the limit
    release["d"].set()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_who_stops_waiting_leaves_the_queue():
    budget = ByteBudget(10)
    async with budget.hold(10):
        waiting = [asyncio.create_task(_hold(budget, 10)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*waiting[1:])
    await _hold(budget, 10)


async def _hold(budget: ByteBudget, size: int) -> None:
    async with budget.hold(size):
        pass
