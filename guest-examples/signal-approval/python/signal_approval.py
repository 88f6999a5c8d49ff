"""Waits for somebody to approve, but not for ever."""

import wit_world
from patterns import decode, encode, failed
from wit_world.imports import execution, select, signals, timers
from wit_world.imports.types import Payload

A_DAY = 24 * 3600


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        execution.publish("status", encode("waiting"))
        approve = signals.on_signal("approve")
        reject = signals.on_signal("reject")
        deadline = timers.start(A_DAY)
        # The first wins; the timer is canceled unless it was the timer.
        first = select.race([approve, reject, deadline])
        if first != approve:
            why = "rejected" if first == reject else "nobody approved within a day"
            raise failed("NotApproved", why)
        execution.publish("status", encode("approved"))
        approval = signals.receive("approve")
        by = decode(approval.input)
        return encode(f"approved by {by or approval.identity}")
