"""Executes as many activities as its input says, some at a time, and counts the letters of their results, or of why they failed."""

import wit_world
from componentize_py_types import Err
from patterns import activity_options, decode, encode
from wit_world.imports import activities
from wit_world.imports.types import Payload

AT_ONCE = 200
OPTIONS = activity_options(start_to_close_timeout=10)


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        length = 0
        for done in range(0, decode(input), AT_ONCE):
            numbers = range(done, done + AT_ONCE)
            running = [activities.start("step", [encode(number)], OPTIONS) for number in numbers]
            length += sum(letters(activity) for activity in running)
        return encode(length)


def letters(activity: int) -> int:
    try:
        return len(decode([activities.outcome(activity)]))
    except Err as error:
        return len(error.value.causes[0].message)
