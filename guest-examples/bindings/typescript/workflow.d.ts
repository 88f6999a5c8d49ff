// Made by toolchains/javascript/types.mjs from the WIT.

declare module 'sandglass:workflow/activities@0.1.0' {
  /**
   * Schedules it and waits for its outcome: `start`, then `outcome`.
   */
  export function execute(activityType: string, input: Array<Payload>, options: ActivityOptions): Payload;
  /**
   * Schedules it.
   */
  export function start(activityType: string, input: Array<Payload>, options: ActivityOptions): Operation;
  /**
   * Waits for its outcome. A cancel request that finds it waiting acts as `cancel` and then as its cancellation type says:
   * `try-cancel` and `abandon` return `canceled`, `wait-cancellation-completed` goes on waiting, and if the
   * activity succeeds all the same, its result is returned and the next call that would have to wait is interrupted.
   * Canceled is an activity failure whose nearest cause is `canceled`.
   */
  export function outcome(activity: Operation): Payload;
  /**
   * Asks it to stop, as its cancellation type says. No effect once it has ended, was taken, or was asked before.
   */
  export function cancel(activity: Operation): void;
  export type Duration = import('sandglass:workflow/types@0.1.0').Duration;
  export type Operation = import('sandglass:workflow/types@0.1.0').Operation;
  export type Payload = import('sandglass:workflow/types@0.1.0').Payload;
  export type Failure = import('sandglass:workflow/types@0.1.0').Failure;
  export type RetryPolicy = import('sandglass:workflow/types@0.1.0').RetryPolicy;
  /**
   * What the workflow waits for once an activity's cancellation is asked for.
   * # Variants
   * 
   * ## `"try-cancel"`
   * 
   * Ask the activity to stop, and report `canceled` here at once.
   * ## `"wait-cancellation-completed"`
   * 
   * Ask, then wait for what the activity really ends with.
   * ## `"abandon"`
   * 
   * Do not ask; report `canceled` here at once and let it run on.
   */
  export type CancellationType = 'try-cancel' | 'wait-cancellation-completed' | 'abandon';
  /**
   * Which of several waiting activities a worker gets first.
   */
  export interface Priority {
    /**
     * 1 is the first; the default is the middle of the levels that the host has.
     */
    priorityKey?: number,
    /**
     * Activities of different keys are served in turn.
     */
    fairnessKey?: string,
    /**
     * How large a share the key gets; 1 when left out.
     */
    fairnessWeight?: number,
  }
  /**
   * How an activity is to be done. `start-to-close-timeout` or `schedule-to-close-timeout` must be given; without either the call traps.
   */
  export interface ActivityOptions {
    /**
     * Its id within the run. Left out, activities are numbered from 1.
     */
    activityId?: string,
    /**
     * Whose workers do it. Left out, the workflow's own task queue.
     */
    taskQueue?: string,
    /**
     * How long it may take in all, waits and retries included.
     */
    scheduleToCloseTimeout?: Duration,
    /**
     * How long it may wait for a worker. It is not tried again after that.
     */
    scheduleToStartTimeout?: Duration,
    /**
     * How long one attempt may take.
     */
    startToCloseTimeout?: Duration,
    /**
     * How long it may be silent between two heartbeats. Without it an activity cannot learn soon that it was canceled.
     */
    heartbeatTimeout?: Duration,
    /**
     * When a failed attempt is tried again.
     */
    retryPolicy?: RetryPolicy,
    /**
     * `try-cancel` when left out.
     */
    cancellationType?: CancellationType,
    /**
     * One line about this activity, for people who look at the run.
     */
    summary?: string,
    /**
     * Its rank among the activities that wait for a worker.
     */
    priority?: Priority,
  }
}

declare module 'sandglass:workflow/cancellation@0.1.0' {
  /**
   * The request, from the workflow task on that delivers it. Asking does not spend the interruption: shield the cleanup that follows.
   */
  export function requested(): CancelRequest | null;
  /**
   * Ready from then on, for `select`. Always the same number; never taken.
   */
  export function onRequest(): Operation;
  /**
   * Until as many calls of `unshield`, nothing is interrupted: the interruption waits.
   */
  export function shield(): void;
  /**
   * Ends the last `shield`. Traps without a `shield` before it. A run may end with one held.
   */
  export function unshield(): void;
  export type Operation = import('sandglass:workflow/types@0.1.0').Operation;
  /**
   * Somebody asked this run to stop.
   */
  export interface CancelRequest {
    /**
     * Why, in the words of whoever asked. May be empty.
     */
    reason: string,
    /**
     * Who asked: the client's identity.
     */
    identity: string,
  }
}

declare module 'sandglass:workflow/execution@0.1.0' {
  /**
   * Who this run is.
   */
  export function info(): WorkflowInfo;
  /**
   * True while recorded history is being replayed. For logging only: code must not decide by it.
   */
  export function isReplaying(): boolean;
  /**
   * Which side of a code change this run is on: true for runs that reach it for the first time with the new code. The first answer
   * for an id holds for the run.
   */
  export function patched(patchId: string): boolean;
  /**
   * In place of `patched` once no run on the old side is left: runs with its marker replay, runs without it too.
   */
  export function deprecatePatch(patchId: string): void;
  /**
   * What this run answers to a query of that name, from the end of this workflow task on, until it says otherwise. At most 64 names,
   * 64 KiB each.
   */
  export function publish(name: string, value: Payload): void;
  export type Timestamp = import('sandglass:workflow/types@0.1.0').Timestamp;
  export type Payload = import('sandglass:workflow/types@0.1.0').Payload;
  /**
   * Which run of which workflow.
   */
  export interface WorkflowExecution {
    /**
     * The id that the client gave.
     */
    workflowId: string,
    /**
     * The id that the host gave to this run.
     */
    runId: string,
  }
  /**
   * What a run can know about itself. It stays the same for the whole run.
   */
  export interface WorkflowInfo {
    /**
     * This run.
     */
    execution: WorkflowExecution,
    /**
     * The name by which it was started.
     */
    workflowType: string,
    /**
     * Where its workflow tasks are served, and its activities unless they say otherwise.
     */
    taskQueue: string,
    /**
     * The namespace that it lives in.
     */
    namespace: string,
    /**
     * 1, or more when the workflow's own retry policy started this run.
     */
    attempt: number,
    /**
     * When this run was started.
     */
    startTime: Timestamp,
    /**
     * The workflow that started it as its child.
     */
    parent?: WorkflowExecution,
    /**
     * The run that it goes on from.
     */
    continuedRunId?: string,
    /**
     * The first run of the chain that this run belongs to.
     */
    firstRunId: string,
  }
}

declare module 'sandglass:workflow/failures@0.1.0' {
  /**
   * An application failure: what a workflow or an activity ends with when it has something to say.
   */
  export function application(message: string, errorType: string, nonRetryable: boolean): Failure;
  /**
   * What a workflow or an activity ends with that stopped because it was asked to. Its details are what it has to say about that.
   */
  export function canceled(details: Array<Payload>): Failure;
  /**
   * Whether it is `canceled` itself, or an activity's or a child workflow's whose nearest cause is.
   */
  export function isCanceled(failure: Failure): boolean;
  export type Failure = import('sandglass:workflow/types@0.1.0').Failure;
  export type Payload = import('sandglass:workflow/types@0.1.0').Payload;
}

declare module 'sandglass:workflow/log@0.1.0' {
  /**
   * For whoever looks for a fault.
   */
  export function debug(message: string): void;
  /**
   * What happens in the normal course.
   */
  export function info(message: string): void;
  /**
   * What somebody may have to look at.
   */
  export function warn(message: string): void;
  /**
   * What somebody has to look at.
   */
  export function error(message: string): void;
}

declare module 'sandglass:workflow/select@0.1.0' {
  /**
   * Waits until one is ready and says which: of several, the first that became so. It takes none and cancels none. An empty list traps.
   * A cancel request that finds it waiting: the failure is `canceled`, unless `cancellation.on-request` is among them; then that is the
   * answer, and the interruption is spent.
   */
  export function waitAny(operations: Array<number>): Operation;
  /**
   * `wait-any`, which then cancels the others that are not ready, also when it returns a failure.
   */
  export function race(operations: Array<number>): Operation;
  /**
   * Those that are ready now, in the order in which they became so, without waiting.
   */
  export function ready(operations: Array<number>): Array<number>;
  /**
   * Cancels each, then waits until all have ended, which nothing interrupts; takes them all. No effect on what was taken before.
   */
  export function settle(operations: Array<number>): void;
  export type Operation = import('sandglass:workflow/types@0.1.0').Operation;
  export type Failure = import('sandglass:workflow/types@0.1.0').Failure;
}

declare module 'sandglass:workflow/signals@0.1.0' {
  /**
   * Ready while a signal of that name waits to be received, for `select`. Always the same number for a name.
   */
  export function onSignal(name: string): Operation;
  /**
   * The oldest of that name that waits, those included that came before anybody asked.
   */
  export function take(name: string): Signal | null;
  /**
   * Waits for it. A cancel request that finds it waiting: the failure is `canceled`.
   */
  export function receive(name: string): Signal;
  export type Operation = import('sandglass:workflow/types@0.1.0').Operation;
  export type Payload = import('sandglass:workflow/types@0.1.0').Payload;
  export type Failure = import('sandglass:workflow/types@0.1.0').Failure;
  /**
   * One message.
   */
  export interface Signal {
    /**
     * The name that it was sent by.
     */
    name: string,
    /**
     * Its arguments.
     */
    input: Array<Payload>,
    /**
     * Who sent it: the client's identity.
     */
    identity: string,
  }
}

declare module 'sandglass:workflow/timers@0.1.0' {
  /**
   * Waits durably: `start`, then `wait`.
   */
  export function sleep(d: Duration): void;
  /**
   * Starts a timer.
   */
  export function start(d: Duration): Operation;
  /**
   * Waits until it fires. A cancel request that finds it waiting: the timer is canceled, and the failure is `canceled`.
   */
  export function wait(timer: Operation): void;
  /**
   * No effect once it has fired, was taken, or was canceled.
   */
  export function cancel(timer: Operation): void;
  export type Duration = import('sandglass:workflow/types@0.1.0').Duration;
  export type Operation = import('sandglass:workflow/types@0.1.0').Operation;
  export type Failure = import('sandglass:workflow/types@0.1.0').Failure;
}

declare module 'sandglass:workflow/types@0.1.0' {
  /**
   * A span of time in seconds; the host rounds it to the nanosecond, once. Negative, not finite or over 100 years: the call traps.
   */
  export type Duration = number;
  /**
   * A point in time, in seconds since the Unix epoch.
   */
  export type Timestamp = number;
  /**
   * Something that was started or can be waited for, by its number in this run: the same number on every replay. Taking its result
   * (`outcome`, `wait`) ends it: waiting for it again traps, and so does a number of another kind or one that was never given.
   */
  export type Operation = number;
  /**
   * A payload as Temporal stores it: what it holds is said by its metadata.
   */
  export interface EncodedPayload {
    /**
     * What the data is: `encoding` and, for instance, `messageType`.
     */
    metadata: Array<[string, Uint8Array]>,
    /**
     * The value, encoded as the metadata says.
     */
    data: Uint8Array,
  }
  /**
   * One argument, result or detail. Over 2 MiB, the workflow task fails; the run lives.
   */
  export type Payload = PayloadNil | PayloadJson | PayloadBinary | PayloadEncoded;
  /**
   * No value (`binary/null`).
   */
  export interface PayloadNil {
    tag: 'nil',
  }
  /**
   * A JSON text (`json/plain`).
   */
  export interface PayloadJson {
    tag: 'json',
    val: string,
  }
  /**
   * Raw bytes (`binary/plain`).
   */
  export interface PayloadBinary {
    tag: 'binary',
    val: Uint8Array,
  }
  /**
   * Any other encoding, passed through untouched.
   */
  export interface PayloadEncoded {
    tag: 'encoded',
    val: EncodedPayload,
  }
  /**
   * What the code of a workflow or an activity has to say about its failure.
   */
  export interface ApplicationFailure {
    /**
     * A name for programs: retry policies and callers tell failures apart by it.
     */
    errorType: string,
    /**
     * Trying again would not help: whatever the retry policy says, this was the last attempt.
     */
    nonRetryable: boolean,
    /**
     * Values for whoever handles it.
     */
    details: Array<Payload>,
    /**
     * Overrides the backoff before the next attempt.
     */
    nextRetryDelay?: Duration,
    /**
     * Expected in the normal course: no warning is logged for it.
     */
    benign: boolean,
  }
  /**
   * The timeouts of an activity.
   * # Variants
   * 
   * ## `"start-to-close"`
   * 
   * One attempt took too long.
   * ## `"schedule-to-start"`
   * 
   * No worker took it in time.
   * ## `"schedule-to-close"`
   * 
   * All its attempts together took too long.
   * ## `"heartbeat"`
   * 
   * It said nothing for too long.
   */
  export type TimeoutKind = 'start-to-close' | 'schedule-to-start' | 'schedule-to-close' | 'heartbeat';
  /**
   * A timeout that ran out.
   */
  export interface Timeout {
    /**
     * Which one.
     */
    kind: TimeoutKind,
    /**
     * What the activity said in its last heartbeat; empty without one.
     */
    lastHeartbeatDetails: Array<Payload>,
  }
  /**
   * Why something was not tried again.
   * # Variants
   * 
   * ## `"unspecified"`
   * 
   * Nobody said.
   * ## `"in-progress"`
   * 
   * It is being tried again.
   * ## `"non-retryable-failure"`
   * 
   * The failure says that trying again would not help, or the retry policy names its type.
   * ## `"timeout"`
   * 
   * No time is left for another attempt.
   * ## `"maximum-attempts-reached"`
   * 
   * The retry policy allows no further attempt.
   * ## `"retry-policy-not-set"`
   * 
   * It has no retry policy.
   * ## `"internal-server-error"`
   * 
   * The host failed.
   * ## `"cancel-requested"`
   * 
   * It was asked to cancel.
   */
  export type RetryState = 'unspecified' | 'in-progress' | 'non-retryable-failure' | 'timeout' | 'maximum-attempts-reached' | 'retry-policy-not-set' | 'internal-server-error' | 'cancel-requested';
  /**
   * Which activity failed.
   */
  export interface ActivityFailure {
    /**
     * Its id within the run.
     */
    activityId: string,
    /**
     * What it was to do.
     */
    activityType: string,
    /**
     * Why it was not tried again.
     */
    retryState: RetryState,
  }
  /**
   * Which child workflow failed.
   */
  export interface ChildWorkflowFailure {
    /**
     * Its workflow id.
     */
    workflowId: string,
    /**
     * Its run id.
     */
    runId: string,
    /**
     * Its workflow type.
     */
    workflowType: string,
    /**
     * Why it was not tried again.
     */
    retryState: RetryState,
  }
  /**
   * The kinds of failure.
   */
  export type FailureInfo = FailureInfoOther | FailureInfoApplication | FailureInfoCanceled | FailureInfoTerminated | FailureInfoTimedOut | FailureInfoActivity | FailureInfoChildWorkflow;
  /**
   * None of the kinds below, or one that has no name here.
   */
  export interface FailureInfoOther {
    tag: 'other',
  }
  /**
   * The code of a workflow or an activity says so.
   */
  export interface FailureInfoApplication {
    tag: 'application',
    val: ApplicationFailure,
  }
  /**
   * Work was canceled: by the workflow itself, or because the workflow was asked to cancel. Its details are what the canceled said last.
   */
  export interface FailureInfoCanceled {
    tag: 'canceled',
    val: Array<Payload>,
  }
  /**
   * A workflow was terminated.
   */
  export interface FailureInfoTerminated {
    tag: 'terminated',
  }
  /**
   * A timeout ran out.
   */
  export interface FailureInfoTimedOut {
    tag: 'timed-out',
    val: Timeout,
  }
  /**
   * An activity ended so; its causes say why.
   */
  export interface FailureInfoActivity {
    tag: 'activity',
    val: ActivityFailure,
  }
  /**
   * A child workflow ended so; its causes say why.
   */
  export interface FailureInfoChildWorkflow {
    tag: 'child-workflow',
    val: ChildWorkflowFailure,
  }
  /**
   * One link of a failure's chain of causes.
   */
  export interface Cause {
    /**
     * One sentence for people.
     */
    message: string,
    /**
     * Where it arose, in the words of the language it arose in. May be empty.
     */
    stackTrace: string,
    /**
     * Which kind it is, and what belongs to that kind.
     */
    info: FailureInfo,
  }
  /**
   * Why something did not succeed. WIT has no recursive types, so the causes are a list: the nearest first, the root cause last.
   * 
   * Returned as it was received, alone or as the causes of a new one, it is recorded as it was, with what is not shown here.
   */
  export interface Failure {
    /**
     * One sentence for people.
     */
    message: string,
    /**
     * Where it arose, in the words of the language it arose in. May be empty.
     */
    stackTrace: string,
    /**
     * Which kind it is, and what belongs to that kind.
     */
    info: FailureInfo,
    /**
     * What led to it: the nearest first, the root cause last.
     */
    causes: Array<Cause>,
  }
  /**
   * When a failed attempt is tried again. What is left out is Temporal's default: 1 s, doubling, at most 100 times the first interval, no end.
   */
  export interface RetryPolicy {
    /**
     * How long to wait before the second attempt.
     */
    initialInterval?: Duration,
    /**
     * By what the wait grows with each attempt; at least 1.
     */
    backoffCoefficient?: number,
    /**
     * The longest wait.
     */
    maximumInterval?: Duration,
    /**
     * How many attempts in all; 0 is no limit, 1 is no retry.
     */
    maximumAttempts?: number,
    /**
     * Application failures of these types are not tried again.
     */
    nonRetryableErrorTypes?: Array<string>,
  }
}

declare module 'sandglass:workflow/workflow@0.1.0' {
  export type Payload = import('sandglass:workflow/types@0.1.0').Payload;
  export type Failure = import('sandglass:workflow/types@0.1.0').Failure;
  export type * as SandglassWorkflowActivities010 from 'sandglass:workflow/activities@0.1.0'; // import sandglass:workflow/activities@0.1.0
  export type * as SandglassWorkflowCancellation010 from 'sandglass:workflow/cancellation@0.1.0'; // import sandglass:workflow/cancellation@0.1.0
  export type * as SandglassWorkflowExecution010 from 'sandglass:workflow/execution@0.1.0'; // import sandglass:workflow/execution@0.1.0
  export type * as SandglassWorkflowFailures010 from 'sandglass:workflow/failures@0.1.0'; // import sandglass:workflow/failures@0.1.0
  export type * as SandglassWorkflowLog010 from 'sandglass:workflow/log@0.1.0'; // import sandglass:workflow/log@0.1.0
  export type * as SandglassWorkflowSelect010 from 'sandglass:workflow/select@0.1.0'; // import sandglass:workflow/select@0.1.0
  export type * as SandglassWorkflowSignals010 from 'sandglass:workflow/signals@0.1.0'; // import sandglass:workflow/signals@0.1.0
  export type * as SandglassWorkflowTimers010 from 'sandglass:workflow/timers@0.1.0'; // import sandglass:workflow/timers@0.1.0
  export type * as SandglassWorkflowTypes010 from 'sandglass:workflow/types@0.1.0'; // import sandglass:workflow/types@0.1.0
  /**
  * One run of the workflow, from its start or, on replay, from its start again.
  * 
  * `err` ends the run as canceled if a cancel was requested and `failures.is-canceled` holds; otherwise as failed.
  * A trap fails the workflow task, not the run: the task is tried again, so that mended code can go on.
  */
  export function run(input: Array<Payload>): Payload;
  export type Result<T, E> = { tag: 'ok', val: T } | { tag: 'err', val: E };
}
