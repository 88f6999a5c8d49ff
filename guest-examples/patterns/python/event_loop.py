"""An event loop for asyncio whose waiting is the workflow's own: several things at once, written with `await`.

`run(main())` is what `asyncio.run(main())` is elsewhere; tasks, task groups, `gather`, `timeout` and `asyncio.sleep` are asyncio's own.
A workflow that does one thing after another needs none of this.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from componentize_py_types import Err
from wit_world.imports import activities, cancellation, failures, select, signals, timers
from wit_world.imports.activities import ActivityOptions
from wit_world.imports.signals import Signal
from wit_world.imports.types import Payload


class _Timer(asyncio.TimerHandle):
    """A durable timer that calls back."""

    operation: int

    def cancel(self) -> None:
        if not self.cancelled() and self.operation in self._loop._waiting:
            del self._loop._waiting[self.operation]
            timers.cancel(self.operation)
        super().cancel()


class _Loop(asyncio.BaseEventLoop):
    """asyncio's loop over `select` in place of sockets. One operation is taken at a time, in the order in which they became ready."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._waiting: dict[int, list[Callable[[], object]]] = {}
        self._main: asyncio.Task[Any] | None = None
        self._interrupted = False

    def select(self, timeout: float | None) -> list[int]:
        """Where the loop waits. It does not while it has something to do."""
        if timeout == 0:
            return []
        if not self._waiting:
            raise RuntimeError("the workflow waits for something that nothing will bring about")
        operations = list(self._waiting)
        if not self._interrupted:
            operations.append(cancellation.on_request())
        ready = select.wait_any(operations)
        if ready in self._waiting:
            return [ready]
        # As asyncio.run does when it is interrupted.
        self._interrupted = True
        assert self._main is not None
        self._main.cancel()
        return []

    def _process_events(self, ready: list[int]) -> None:
        for operation in ready:
            for callback in self._waiting.pop(operation):
                callback()

    def _write_to_self(self) -> None:
        """Nobody else runs who could wake the loop."""

    def time(self) -> float:
        return time.monotonic()

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None) -> asyncio.TimerHandle:
        timer = _Timer(self.time() + delay, callback, args, self, context)
        timer.operation = timers.start(max(delay, 0))

        def fired() -> None:
            timers.wait(timer.operation)
            timer._run()

        self._waiting[timer.operation] = [fired]
        return timer

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Any = None) -> asyncio.TimerHandle:
        return self.call_later(round(when - self.time(), 6), callback, *args, context=context)

    async def ready(self, operation: int) -> None:
        """Waits until an operation is ready, without taking it."""
        future = self.create_future()
        waiting = self._waiting.setdefault(operation, [])
        waiting.append(lambda: future.done() or future.set_result(None))
        try:
            await future
        except asyncio.CancelledError:
            # It is about to be canceled and taken: nobody waits for it any more.
            if len(waiting) == 1:
                self._waiting.pop(operation, None)
            raise


def run[T](main: Coroutine[Any, Any, T]) -> T:
    """Runs the coroutine to its end. A cancel request cancels it, as an interrupt does in `asyncio.run`."""
    loop = _Loop()
    loop._main = loop.create_task(main)
    try:
        return loop.run_until_complete(loop._main)
    except asyncio.CancelledError:
        raise Err(failures.canceled([])) from None


def _loop() -> _Loop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _Loop), "it is not run by this module's run()"
    return loop


async def execute(activity_type: str, input: list[Payload], options: ActivityOptions) -> Payload:
    """Executes an activity. If the task that awaits it is canceled, so is the activity."""
    activity = activities.start(activity_type, input, options)
    try:
        await _loop().ready(activity)
    except asyncio.CancelledError:
        activities.cancel(activity)
        cancellation.shield()
        try:
            activities.outcome(activity)
        except Err as error:
            if not failures.is_canceled(error.value):
                raise
        finally:
            cancellation.unshield()
        raise
    return activities.outcome(activity)


async def receive(name: str) -> Signal:
    """The oldest signal of that name that waits, or the next."""
    while (signal := signals.take(name)) is None:
        await _loop().ready(signals.on_signal(name))
    return signal
