"""Reserves, charges and ships an order; undoes it, newest first, when it fails or is canceled."""

from dataclasses import asdict, dataclass

import wit_world
from patterns import Saga, activity_options, at_most, decode, encode, failed, retry_policy
from wit_world.imports import activities, execution, select, signals, timers
from wit_world.imports.activities import CancellationType
from wit_world.imports.types import Payload

A_DAY = 24 * 3600
SHIP_AT_ONCE = 3

STEP = activity_options(start_to_close_timeout=10)
RESERVE = activity_options(start_to_close_timeout=10, retry_policy=retry_policy(maximum_attempts=5))
# What is on its way when the order is canceled is waited for, so that it can be undone.
SHIP = activity_options(
    start_to_close_timeout=10, cancellation_type=CancellationType.WAIT_CANCELLATION_COMPLETED
)


@dataclass
class Order:
    """What is to be delivered, and what for."""

    id: str
    items: list[str]
    amount: float


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        try:
            order = Order(**decode(input))
        except TypeError as error:
            raise failed("BadPayload", str(error)) from error
        with Saga() as saga:
            trackings = fulfil(order, saga)
        return encode({"status": "shipped", "trackings": trackings})


def fulfil(order: Order, saga: Saga) -> list[str]:
    saga.undo(activities.execute, "release", [encode(order.id)], STEP)
    activities.execute("reserve", [encode(asdict(order))], RESERVE)
    publish("reserved")
    saga.undo(activities.execute, "refund", [encode(order.id)], STEP)
    activities.execute("charge", [encode(asdict(order))], STEP)
    publish("charged")
    if order.amount > 1000:
        approval()
    calls = [("ship", [encode(order.id), encode(item)]) for item in order.items]
    trackings = [decode([tracking]) for tracking in at_most(SHIP_AT_ONCE, calls, SHIP)]
    publish("shipped")
    return trackings


def approval() -> None:
    """Waits for somebody to approve, but not for ever."""
    publish("waiting for approval")
    approve = signals.on_signal("approve")
    reject = signals.on_signal("reject")
    first = select.race([approve, reject, timers.start(A_DAY)])
    if first == reject:
        raise failed("NotApproved", "rejected")
    if first != approve:
        raise failed("NotApproved", "nobody approved within a day")
    publish("approved")


def publish(status: str) -> None:
    execution.publish("status", encode(status))
