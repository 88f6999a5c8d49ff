"""Reserves, charges and ships an order; undoes it, newest first, when it fails or is canceled."""

from dataclasses import asdict, dataclass
from typing import Any

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

    @classmethod
    def of(cls, given: Any) -> "Order":
        """An order as it came. What is no order fails the run; a dataclass alone would take anything."""
        match given:
            case {"id": str(id), "items": [*items], "amount": int() | float() as amount}:
                if id and all(isinstance(item, str) and item for item in items) and not isinstance(amount, bool):
                    return cls(id, items, amount)
        raise failed("BadPayload", "an order has an id, items by name, and an amount")


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        order = Order.of(decode(input))
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
    trackings = [tracking_of(shipped) for shipped in at_most(SHIP_AT_ONCE, calls, SHIP)]
    publish("shipped")
    return trackings


def tracking_of(shipped: Payload) -> str:
    tracking = decode([shipped])
    if not isinstance(tracking, str):
        raise failed("BadPayload", "a tracking is a text")
    return tracking


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
