"""Temporal's Python client and activity worker against `sandglass serve`, whose address the environment gives as SANDGLASS_ADDRESS.

The activities are those of Temporal's page "Interrupt a Workflow Execution", as they stand there. The workflows are components: `greeting` does what
the page's workflow does, `cancellation` cleans up when it is canceled.
"""

import asyncio
import json
import os
import sys
import unittest
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    AsyncActivityCancelledError,
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
)
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    RetryState,
    TerminatedError,
    WorkflowAlreadyStartedError,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

ADDRESS = os.environ["SANDGLASS_ADDRESS"]
QUEUE = "python"
said = []


def say(text):
    said.append(text)


@dataclass
class ComposeArgsInput:
    arg1: str
    arg2: str


@activity.defn
async def cancellable_activity(input: ComposeArgsInput) -> NoReturn:
    try:
        while True:
            say("Heartbeating cancel activity")
            await asyncio.sleep(0.5)
            activity.heartbeat("some details")
    except asyncio.CancelledError:
        say("Activity cancelled")
        raise


@activity.defn
async def cleanup() -> str:
    # Long enough that the canceled activity learns of it while its run is open.
    await asyncio.sleep(2)
    say("cleaned up")
    return "clean"


@activity.defn
async def flaky(mode: str) -> str:
    attempt = activity.info().attempt
    if mode == "out of stock":
        raise ApplicationError("none left", type="OutOfStock")
    if mode == "never" or attempt < 3:
        activity.heartbeat(attempt)
        raise RuntimeError(f"attempt {attempt}")
    return f"attempt {attempt} after {activity.info().heartbeat_details[0]}"


def names(history):
    prefix = len("EVENT_TYPE_")
    return [EventType.Name(event.event_type)[prefix:] for event in history.events]


class Interrupt(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = await Client.connect(ADDRESS)
        said.clear()
        self.worker = Worker(
            self.client,
            task_queue=QUEUE,
            activities=[cancellable_activity, cleanup, flaky],
            # The heartbeat timeout of 30 s would let it hold heartbeats back for 24 s.
            max_heartbeat_throttle_interval=timedelta(milliseconds=500),
        )

    async def start(self, workflow, *args):
        id = f"{workflow}-{self._testMethodName}"
        return await self.client.start_workflow(workflow, args=args, id=id, task_queue=QUEUE)

    async def failure(self, handle):
        with self.assertRaises(WorkflowFailureError) as raised:
            await asyncio.wait_for(handle.result(), 30)
        return raised.exception.cause

    async def test_an_activity_is_canceled_through_its_handle(self):
        async with self.worker:
            handle = await self.start("greeting", ComposeArgsInput("Hello", "World"))
            cause = await self.failure(handle)
            self.assertIsInstance(cause, ActivityError)
            self.assertIsInstance(cause.__cause__, CancelledError)
        self.assertIn("Activity cancelled", said)
        self.assertIn("cleaned up", said)
        events = names(await handle.fetch_history())
        self.assertEqual(
            events[:6],
            [
                "WORKFLOW_EXECUTION_STARTED",
                "WORKFLOW_TASK_SCHEDULED",
                "WORKFLOW_TASK_STARTED",
                "WORKFLOW_TASK_COMPLETED",
                "ACTIVITY_TASK_SCHEDULED",
                "TIMER_STARTED",
            ],
        )
        for name in ["ACTIVITY_TASK_CANCEL_REQUESTED", "ACTIVITY_TASK_CANCELED"]:
            self.assertEqual(events.count(name), 1, events)
        self.assertEqual(events[-1], "WORKFLOW_EXECUTION_FAILED")

    async def test_a_workflow_is_canceled_and_cleans_up(self):
        async with self.worker:
            handle = await self.start("cancellation", "cleanup")
            await self.client.get_workflow_handle(handle.id).cancel()
            self.assertIsInstance(await self.failure(handle), CancelledError)
        self.assertEqual(said, ["cleaned up"])
        status = (await handle.describe()).status
        self.assertEqual(status, WorkflowExecutionStatus.CANCELED)
        events = names(await handle.fetch_history())
        self.assertEqual(events.count("WORKFLOW_EXECUTION_CANCEL_REQUESTED"), 1)
        self.assertEqual(events.count("ACTIVITY_TASK_COMPLETED"), 1)
        self.assertEqual(events[-1], "WORKFLOW_EXECUTION_CANCELED")
        # A cancel of a closed run is no error.
        await handle.cancel()

    async def test_a_workflow_is_terminated(self):
        async with self.worker:
            handle = await self.start("greeting", ComposeArgsInput("Hello", "World"))
            while (await handle.describe()).raw_description.pending_activities[:1] == []:
                await asyncio.sleep(0.01)
            await self.client.get_workflow_handle(handle.id).terminate(reason="enough")
            cause = await self.failure(handle)
            self.assertIsInstance(cause, TerminatedError)
            self.assertEqual(cause.message, "enough")
            with self.assertRaises(RPCError) as raised:
                await handle.terminate()
            self.assertEqual(raised.exception.status, RPCStatusCode.NOT_FOUND)
            self.assertEqual(raised.exception.message, "workflow execution already completed")
        events = names(await handle.fetch_history())
        self.assertEqual(events[-1], "WORKFLOW_EXECUTION_TERMINATED")
        self.assertEqual(events.count("WORKFLOW_TASK_SCHEDULED"), 1)
        self.assertNotIn("cleaned up", said)

    async def test_signals_queries_and_ids(self):
        handle = await self.start("signal_approval")
        self.assertEqual(await handle.query("status"), "waiting")
        with self.assertRaises(WorkflowQueryFailedError):
            await handle.query("nothing of that name")
        with self.assertRaises(WorkflowAlreadyStartedError):
            await self.start("signal_approval")
        await handle.signal("approve", "Ada")
        self.assertEqual(await handle.result(), "approved by Ada")
        self.assertEqual(await handle.query("status"), "approved")
        with self.assertRaises(RPCError) as raised:
            await handle.signal("approve", "Ada")
        self.assertEqual(raised.exception.status, RPCStatusCode.NOT_FOUND)
        again = await self.client.start_workflow(
            "signal_approval", id=handle.id, task_queue=QUEUE, start_signal="reject"
        )
        self.assertIsInstance(await self.failure(again), ApplicationError)
        query = f"WorkflowId = '{handle.id}'"
        runs = [(it.run_id, it.status) async for it in self.client.list_workflows(query)]
        failed = (again.result_run_id, WorkflowExecutionStatus.FAILED)
        completed = (handle.result_run_id, WorkflowExecutionStatus.COMPLETED)
        self.assertEqual(runs, [failed, completed])
        count = await self.client.count_workflows(f"{query} AND ExecutionStatus = 'Failed'")
        self.assertEqual(count.count, 1)

    async def test_activities_fail_and_are_tried_again(self):
        async with self.worker:
            handle = await self.start("activity_retry", "thrice")
            self.assertEqual(await handle.result(), "attempt 3 after 2")
            other = await self.client.start_workflow(
                "activity_retry", "out of stock", id="out-of-stock", task_queue=QUEUE
            )
            self.assertEqual(await other.result(), "ordered elsewhere")
            never = await self.failure(await self.start("activity_retry", "never"))
            self.assertIsInstance(never, ActivityError)
            self.assertEqual(never.retry_state, RetryState.MAXIMUM_ATTEMPTS_REACHED)
            self.assertEqual(never.__cause__.message, "attempt 3")

    async def test_a_heartbeat_says_how_far_an_activity_is(self):
        async with self.worker:
            handle = await self.start("greeting", ComposeArgsInput("Hello", "World"))
            details = []
            while not details:
                await asyncio.sleep(0.01)
                for it in (await handle.describe()).raw_description.pending_activities:
                    details = [json.loads(payload.data) for payload in it.heartbeat_details.payloads]
            self.assertEqual(details, ["some details"])
            await handle.terminate()

    async def test_an_activity_is_completed_by_its_id(self):
        handle = await self.start("cancellation", "shield")
        activity_handle = self.client.get_async_activity_handle(
            workflow_id=handle.id, run_id=None, activity_id="1"
        )
        # Nobody polls for it: no attempt runs.
        with self.assertRaises(RPCError) as raised:
            await activity_handle.complete("charged")
        self.assertEqual(raised.exception.status, RPCStatusCode.NOT_FOUND)
        await handle.terminate()
        with self.assertRaises((RPCError, AsyncActivityCancelledError)):
            await activity_handle.heartbeat()

    async def test_it_is_healthy(self):
        self.assertTrue(await self.client.service_client.check_health())


if __name__ == "__main__":
    ran = unittest.main(exit=False, verbosity=2).result
    sys.stderr.flush()
    # The client's own threads sometimes abort the process on its way out; what counts has been judged by then.
    os._exit(0 if ran.wasSuccessful() and ran.testsRun == 8 else 1)
