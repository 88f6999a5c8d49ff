"""A change of code that leaves the runs before it as they were: they go on to call `greet`."""

import wit_world
from patterns import activity_options
from wit_world.imports import activities, execution
from wit_world.imports.types import Payload

OPTIONS = activity_options(start_to_close_timeout=10)


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        # Once no run from before is open: `deprecate_patch`, and only the new side stays.
        activity = "greet_politely" if execution.patched("politeness") else "greet"
        return activities.execute(activity, input, OPTIONS)
