/**
 * Temporal's TypeScript client and activity worker against `sandglass serve`, whose address the environment gives as SANDGLASS_ADDRESS.
 *
 * The workflows are components of `guest-examples`: `greeting` cancels an activity through its handle, `cancellation` cleans up when it is canceled,
 * `activity_retry` tries an activity again, `signal_approval` waits for signals.
 */

import assert from 'node:assert/strict';
import { after, before, beforeEach, test as unlimited } from 'node:test';
import { setTimeout as moment } from 'node:timers/promises';
import { Context, heartbeat, activityInfo, sleep } from '@temporalio/activity';
import {
  Client,
  Connection,
  QueryNotRegisteredError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, CancelledFailure, RetryState, TerminatedFailure } from '@temporalio/common';
import protos from '@temporalio/proto';
import { NativeConnection, Worker } from '@temporalio/worker';

const address = process.env.SANDGLASS_ADDRESS;
const taskQueue = 'typescript';
const said: string[] = [];
let connection: Connection;
let client: Client;
let native: NativeConnection;
let worker: Worker;
let running: Promise<void>;

const activities = {
  /** Works until it is told to stop. */
  async cancellable_activity(_: unknown): Promise<never> {
    try {
      for (;;) {
        heartbeat('some details');
        await sleep(100);
      }
    } catch (error) {
      assert(error instanceof CancelledFailure);
      const why = Context.current().cancellationDetails;
      said.push(why?.cancelRequested ? 'asked to stop' : why?.notFound ? 'nobody waits' : `stopped: ${why}`);
      throw error;
    }
  },

  /** Ends when it is the only activity left of its workflow: whoever was canceled has said so by then. */
  async cleanup(): Promise<string> {
    const handle = client.workflow.getHandle(activityInfo().workflowExecution!.workflowId);
    while ((await pending(handle)).length > 1) {
      await sleep(20);
    }
    said.push('cleaned up');
    return 'clean';
  },

  /** Fails twice, and remembers by its heartbeats; `out of stock` is not worth another attempt, `never` never works. */
  async flaky(mode: string): Promise<string> {
    const { attempt, heartbeatDetails } = activityInfo();
    said.push(`attempt ${attempt}`);
    if (mode === 'out of stock') {
      throw ApplicationFailure.create({ message: 'none left', type: 'OutOfStock', details: [3, 'shelves'] });
    }
    if (mode === 'never' || attempt < 3) {
      heartbeat(attempt);
      throw new Error(`attempt ${attempt}`);
    }
    return `attempt ${attempt} after ${heartbeatDetails}`;
  },
};

before(async () => {
  connection = await Connection.connect({ address });
  client = new Client({ connection });
  native = await NativeConnection.connect({ address });
  // The heartbeat timeout of 30 s would let it hold heartbeats back for 24 s.
  const maxHeartbeatThrottleInterval = '200 ms';
  worker = await Worker.create({ connection: native, taskQueue, activities, maxHeartbeatThrottleInterval });
  running = worker.run();
});

after(async () => {
  worker.shutdown();
  await running;
  await native.close();
  await connection.close();
});

function test(name: string, body: () => Promise<void>) {
  void unlimited(name, { timeout: 60_000 }, body);
}

beforeEach(() => void said.splice(0));

function start(workflow: string, workflowId: string, ...args: unknown[]) {
  return client.workflow.start(workflow, { workflowId: `typescript-${workflowId}`, taskQueue, args });
}

async function pending(handle: WorkflowHandle) {
  return (await handle.describe()).raw.pendingActivities ?? [];
}

async function heard(word: string) {
  while (!said.includes(word)) {
    await moment(10);
  }
}

/** Why the workflow did not complete. */
async function failure(handle: WorkflowHandle): Promise<Error | undefined> {
  let cause: Error | undefined;
  await assert.rejects(handle.result(), (error) => {
    assert(error instanceof WorkflowFailedError, `${error}`);
    cause = error.cause;
    return true;
  });
  return cause;
}

async function names(handle: WorkflowHandle): Promise<string[]> {
  const { EventType } = protos.temporal.api.enums.v1;
  const { events } = await handle.fetchHistory();
  return (events ?? []).map((event) => EventType[event.eventType!]!.replace('EVENT_TYPE_', ''));
}

function count(all: string[], name: string): number {
  return all.filter((it) => it === name).length;
}

test('an activity is canceled through its handle', async () => {
  const handle = await start('greeting', 'activity-canceled', { arg1: 'Hello', arg2: 'World' });
  const cause = await failure(handle);
  assert(cause instanceof ActivityFailure, `${cause}`);
  assert.equal(cause.activityType, 'cancellable_activity');
  assert(cause.cause instanceof CancelledFailure, `${cause.cause}`);
  assert.deepEqual(said, ['asked to stop', 'cleaned up']);
  const events = await names(handle);
  assert.equal(count(events, 'ACTIVITY_TASK_CANCEL_REQUESTED'), 1, `${events}`);
  assert.equal(count(events, 'ACTIVITY_TASK_CANCELED'), 1, `${events}`);
  assert.equal(events.at(-1), 'WORKFLOW_EXECUTION_FAILED');
});

test('a heartbeat says how far an activity is', async () => {
  const handle = await start('greeting', 'heartbeat');
  let details: unknown;
  while (details === undefined) {
    await moment(10);
    const [activity] = await pending(handle);
    const data = activity?.heartbeatDetails?.payloads?.[0]?.data;
    details = data && JSON.parse(Buffer.from(data).toString());
  }
  assert.equal(details, 'some details');
  await handle.terminate();
  await heard('nobody waits');
});

test('a workflow is canceled and cleans up', async () => {
  const { workflowId } = await start('cancellation', 'canceled', 'cleanup');
  const handle = client.workflow.getHandle(workflowId);
  await handle.cancel();
  const cause = await failure(handle);
  assert(cause instanceof CancelledFailure, `${cause}`);
  assert.deepEqual(said, ['cleaned up']);
  assert.equal((await handle.describe()).status.name, 'CANCELLED');
  const events = await names(handle);
  assert.equal(count(events, 'WORKFLOW_EXECUTION_CANCEL_REQUESTED'), 1, `${events}`);
  assert.equal(count(events, 'ACTIVITY_TASK_COMPLETED'), 1, `${events}`);
  assert.equal(events.at(-1), 'WORKFLOW_EXECUTION_CANCELED');
  // A cancel of a closed run is no error.
  await handle.cancel();
});

test('a workflow is terminated', async () => {
  const { workflowId } = await start('greeting', 'terminated');
  const handle = client.workflow.getHandle(workflowId);
  while ((await pending(handle)).length === 0) {
    await moment(10);
  }
  await handle.terminate('enough');
  await heard('nobody waits');
  assert(!said.includes('cleaned up'), `${said}`);
  const cause = await failure(handle);
  assert(cause instanceof TerminatedFailure, `${cause}`);
  assert.equal((await handle.describe()).status.name, 'TERMINATED');
  const events = await names(handle);
  assert.equal(events.at(-1), 'WORKFLOW_EXECUTION_TERMINATED');
  assert.equal(count(events, 'WORKFLOW_TASK_SCHEDULED'), 1, `${events}`);
  await assert.rejects(handle.terminate(), (error) => {
    assert(error instanceof WorkflowNotFoundError, `${error}`);
    assert.equal(error.message, 'workflow execution already completed');
    return true;
  });
});

test('signals, queries and ids', async () => {
  const handle = await start('signal_approval', 'approval');
  assert.equal(await handle.query('status'), 'waiting');
  await assert.rejects(handle.query('nothing of that name'), QueryNotRegisteredError);
  await assert.rejects(start('signal_approval', 'approval'), WorkflowExecutionAlreadyStartedError);
  await handle.signal('approve', 'Ada');
  assert.equal(await handle.result(), 'approved by Ada');
  assert.equal(await handle.query('status'), 'approved');
  const { status, type, taskQueue: queue, historyLength, closeTime } = await handle.describe();
  assert.deepEqual([status.name, type, queue], ['COMPLETED', 'signal_approval', taskQueue]);
  assert.equal(historyLength, (await names(handle)).length);
  assert(closeTime instanceof Date);
  const { workflowId } = handle;
  const again = await client.workflow.signalWithStart('signal_approval', { workflowId, taskQueue, signal: 'reject' });
  const cause = await failure(client.workflow.getHandle(workflowId, again.signaledRunId));
  assert(cause instanceof ApplicationFailure, `${cause}`);
  assert.deepEqual([cause.message, cause.type, cause.nonRetryable], ['rejected', 'NotApproved', true]);
  const runs = [];
  for await (const { runId, status } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    runs.push([runId, status.name]);
  }
  assert.deepEqual(runs, [[again.signaledRunId, 'FAILED'], [handle.firstExecutionRunId, 'COMPLETED']]);
  const failed = await client.workflow.count(`WorkflowId = '${workflowId}' AND ExecutionStatus = 'Failed'`);
  assert.equal(failed.count, 1);
  await assert.rejects(client.workflow.getHandle('typescript-nobody').describe(), WorkflowNotFoundError);
});

test('an activity fails and is tried again', async () => {
  const handle = await start('activity_retry', 'retried', 'thrice');
  assert.equal(await handle.result(), 'attempt 3 after 2');
  assert.deepEqual(said, ['attempt 1', 'attempt 2', 'attempt 3']);
});

test('an activity fails for good', async () => {
  const other = await start('activity_retry', 'out-of-stock', 'out of stock');
  assert.equal(await other.result(), 'ordered elsewhere');
  assert.deepEqual(said, ['attempt 1']);
  const never = await failure(await start('activity_retry', 'never', 'never'));
  assert(never instanceof ActivityFailure, `${never}`);
  assert.equal(never.retryState, RetryState.MAXIMUM_ATTEMPTS_REACHED);
  assert(never.cause instanceof ApplicationFailure, `${never.cause}`);
  assert.equal(never.cause.message, 'attempt 3');
});

test('it is healthy', async () => {
  const { status } = await connection.healthService.check({ service: 'temporal.api.workflowservice.v1.WorkflowService' });
  assert.equal(status, 1);
});
