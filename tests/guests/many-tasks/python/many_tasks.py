"""Executes as many activities as its input says, some at a time, each in a task of its own, and counts the letters of what they end with."""

import asyncio

import event_loop
import wit_world
from componentize_py_types import Err
from event_loop import execute
from patterns import activity_options, decode, encode
from wit_world.imports.types import Payload

AT_ONCE = 20
OPTIONS = activity_options(start_to_close_timeout=10)


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        return event_loop.run(main(decode(input)))


async def main(count: int) -> Payload:
    length = 0
    for done in range(0, count, AT_ONCE):
        running = (letters(number) for number in range(done, done + AT_ONCE))
        length += sum(await asyncio.gather(*running))
    return encode(length)


async def letters(number: int) -> int:
    try:
        return len(decode([await execute("step", [encode(number)], OPTIONS)]))
    except Err as error:
        return len(error.value.causes[0].message)
