"""Sleeps, and cancels a timer that is not needed any more. The host may stop and start meanwhile."""

import wit_world
from patterns import decode, encode
from wit_world.imports import timers
from wit_world.imports.types import Payload


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        """Sleeps for as many seconds as its input says, or for one."""
        seconds = decode(input) or 1
        deadline = timers.start(3600)
        timers.sleep(seconds)
        timers.cancel(deadline)
        return encode(f"slept for {seconds:g} s")
