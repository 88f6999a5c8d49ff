"""What a workflow can make of a cancel request. Its input says which; none is `cleanup`."""

import wit_world
from componentize_py_types import Err
from patterns import activity_options, decode, encode, failed, shielded
from wit_world.imports import activities, failures, timers
from wit_world.imports.types import Payload

AN_HOUR = 3600
OPTIONS = activity_options(start_to_close_timeout=10)


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        match decode(input) or "cleanup":
            case "cleanup":  # Cleans up, then ends as canceled.
                try:
                    timers.sleep(AN_HOUR)
                except Err:
                    # The request has interrupted the sleep; it does not interrupt what follows.
                    activity("cleanup")
                    raise
            case "nothing":  # Ends as canceled at once.
                timers.sleep(AN_HOUR)
            case "swallow":  # Goes on as if nothing had happened, and completes.
                try:
                    timers.sleep(AN_HOUR)
                except Err:
                    return encode("swallowed")
            case "fail":  # Ends as failed.
                try:
                    timers.sleep(AN_HOUR)
                except Err:
                    raise Err(failures.application("the cleanup failed", "CleanupFailed", False))
            case "shield":  # Finishes what must not be cut short, then ends as canceled.
                with shielded():
                    activity("charge")
                # A request that came during the charge interrupts this sleep.
                timers.sleep(AN_HOUR)
            case other:
                raise failed("BadPayload", f"unknown: {other}")
        return encode("not canceled")


def activity(activity_type: str) -> Payload:
    return activities.execute(activity_type, [], OPTIONS)
