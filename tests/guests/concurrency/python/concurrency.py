"""Three things at once: two activities in a row, a sleep and an activity, and a signal. Cleans up when asked to stop."""

import asyncio

import event_loop
import wit_world
from event_loop import execute, receive
from patterns import activity_options, decode, encode
from wit_world.imports.types import Payload

OPTIONS = activity_options(start_to_close_timeout=10)


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        return event_loop.run(main(input))


async def main(input: list[Payload]) -> Payload:
    try:
        return encode(await asyncio.gather(greet(input), charge(input), approval()))
    except asyncio.CancelledError:
        await execute("cleanup", [], OPTIONS)
        raise


async def greet(input: list[Payload]) -> str:
    greeting = await execute("greet", input, OPTIONS)
    return decode([await execute("greet_politely", [greeting], OPTIONS)])


async def charge(input: list[Payload]) -> str:
    await asyncio.sleep(3)
    return decode([await execute("charge", input, OPTIONS)])


async def approval() -> str:
    return decode((await receive("go")).input)
