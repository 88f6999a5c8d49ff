"""Tries an activity a few times, and says how it ended."""

import wit_world
from componentize_py_types import Err
from patterns import activity_options, encode, retry_policy
from wit_world.imports import activities
from wit_world.imports.types import ApplicationFailure, Cause, FailureInfo_Application, Payload

OPTIONS = activity_options(
    start_to_close_timeout=10,
    retry_policy=retry_policy(
        initial_interval=0.1, maximum_attempts=3, non_retryable_error_types=["OutOfStock"]
    ),
)


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        """Its input goes to the activity `flaky`."""
        try:
            return activities.execute("flaky", input, OPTIONS)
        except Err as error:
            # The activity's own failure is the cause of the one that says that it was given up.
            match error.value.causes:
                case [Cause(info=FailureInfo_Application(ApplicationFailure(error_type="OutOfStock"))), *_]:
                    return encode("ordered elsewhere")
            raise
