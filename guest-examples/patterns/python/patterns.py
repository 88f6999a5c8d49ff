"""What most workflows in Python want beside the bindings. Take it along, or leave it.

It is no SDK: what a workflow calls is the WIT itself.
"""

import json
import re
from collections.abc import Callable
from dataclasses import fields
from itertools import accumulate
from typing import Any

from componentize_py_types import Err
from wit_world.imports import activities, cancellation, failures, log, select
from wit_world.imports.activities import ActivityOptions
from wit_world.imports.types import Payload, Payload_Json, Payload_Nil, RetryPolicy


NESTING_MAX = 500


def activity_options(**given: Any) -> ActivityOptions:
    """Options of which most are left out. One that does not exist is a TypeError."""
    return ActivityOptions(**{**dict.fromkeys(f.name for f in fields(ActivityOptions)), **given})


def retry_policy(**given: Any) -> RetryPolicy:
    """A policy of which most is left out. What does not exist is a TypeError."""
    return RetryPolicy(**{**dict.fromkeys(f.name for f in fields(RetryPolicy)), **given})


def encode(value: Any) -> Payload:
    """A payload that holds the value as JSON."""
    return Payload_Json(json.dumps(value, separators=(",", ":")))


def decode(payloads: list[Payload]) -> Any:
    """The first argument; none is None. What is no JSON fails the run: it would be none the next time, either."""
    match payloads:
        case [] | [Payload_Nil(), *_]:
            return None
        case [Payload_Json(text), *_]:
            if is_too_deep(text):
                raise failed("BadPayload", f"the payload is nested more than {NESTING_MAX} deep")
            try:
                return json.loads(text)
            except ValueError as error:
                raise failed("BadPayload", str(error)) from error
        case _:
            raise failed("BadPayload", "the payload is not JSON")


def is_too_deep(text: str) -> bool:
    """Whether json's parser, which goes as deep as the text does, might need more stack than a guest has."""
    if text.count("[") + text.count("{") <= NESTING_MAX:
        return False
    tokens = re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text)
    return max(accumulate({"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0) for token in tokens)) > NESTING_MAX


def failed(error_type: str, message: str) -> Err:
    """An application failure to raise, of a kind that trying again does not help."""
    return Err(failures.application(message, error_type, True))


class shielded:
    """`with shielded():` what stands there is not cut short by a cancel request, which waits.

    A class, because what contextlib makes of a generator cannot pass an Err on.
    """

    def __enter__(self) -> None:
        cancellation.shield()

    def __exit__(self, *_: object) -> None:
        cancellation.unshield()


class Saga:
    """`with Saga() as saga:` runs what was given to `undo`, the newest first, if an Err leaves the block.

    Give it before the step that it undoes: one that failed or was canceled may have had its effect.
    """

    def __init__(self) -> None:
        self._steps: list[Callable[[], object]] = []

    def undo(self, step: Callable[..., object], *arguments: object) -> None:
        self._steps.append(lambda: step(*arguments))

    def __enter__(self) -> "Saga":
        return self

    def __exit__(self, _: object, error: object, *__: object) -> None:
        # Any other exception is a mistake in the code: mended code goes on from here, so nothing is undone.
        if not isinstance(error, Err):
            return
        with shielded():
            for step in reversed(self._steps):
                try:
                    step()
                except Err as undone:
                    log.error(f"could not be undone: {undone.value.message}")


def at_most(count: int, calls: list[tuple[str, list[Payload]]], options: ActivityOptions) -> list[Payload]:
    """Executes activities, so many at once, and gives their results in order. If one fails, the others are canceled."""
    results: list[Any] = [None] * len(calls)
    waiting = enumerate(calls)
    running: dict[int, int] = {}
    try:
        while True:
            while len(running) < count and (following := next(waiting, None)):
                index, (activity_type, arguments) = following
                running[activities.start(activity_type, arguments, options)] = index
            if not running:
                return results
            ended = select.wait_any(list(running))
            results[running.pop(ended)] = activities.outcome(ended)
    except Err:
        select.settle(list(running))
        raise
