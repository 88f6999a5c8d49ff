"""Composes a greeting, and cleans up when asked to stop."""

import wit_world
from componentize_py_types import Err
from patterns import activity_options, shielded
from wit_world.imports import activities, timers
from wit_world.imports.types import Payload

OPTIONS = activity_options(start_to_close_timeout=300, heartbeat_timeout=30)


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        greeting = activities.start("cancellable_activity", input, OPTIONS)
        try:
            try:
                timers.sleep(3)
            finally:
                activities.cancel(greeting)
            return activities.outcome(greeting)
        except Err:
            # Whoever cancels the workflow meanwhile does not cut the cleanup short.
            with shielded():
                activities.execute("cleanup", [], OPTIONS)
            raise
