"""Makes a mistake, after an activity: an exception that nobody catches, and that its saga does not take for a failure."""

import wit_world
from patterns import Saga, activity_options
from wit_world.imports import activities
from wit_world.imports.types import Payload

OPTIONS = activity_options(start_to_close_timeout=10)


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        with Saga() as saga:
            saga.undo(activities.execute, "cleanup", [], OPTIONS)
            charged = activities.execute("charge", input, OPTIONS)
            return mistaken(charged)


def mistaken(charged: Payload) -> Payload:
    return charged.amount
