// Several things at once, written as generators: `yield*` waits where `await` would, and others go on meanwhile.
//
// Promises do not do: nothing runs their callbacks before `run` has returned. A workflow that does one thing after another
// needs none of this.
import * as activities from "sandglass:workflow/activities@0.1.0";
import { onRequest, shield, unshield } from "sandglass:workflow/cancellation@0.1.0";
import { canceled, isCanceled } from "sandglass:workflow/failures@0.1.0";
import { waitAny } from "sandglass:workflow/select@0.1.0";
import { onSignal, take } from "sandglass:workflow/signals@0.1.0";
import * as timers from "sandglass:workflow/timers@0.1.0";
import { failureOf } from "./patterns.js";

/** @typedef {import("sandglass:workflow/types@0.1.0").Payload} Payload */
/** @typedef {import("sandglass:workflow/activities@0.1.0").ActivityOptions} ActivityOptions */
/** @typedef {import("sandglass:workflow/signals@0.1.0").Signal} Signal */

/**
 * What a task waits for: an operation, or the end of one of some tasks.
 * @typedef {number | Task<any>[]} Awaited
 */

/**
 * What runs beside others.
 * @template T
 */
class Task {
  /** @type {{ value?: T, error?: unknown } | undefined} */
  ended;
  /** @type {{ error: unknown } | undefined} */
  interrupted;

  /** @param {Generator<Awaited, T, void>} body */
  constructor(body) {
    this.body = body;
  }
}

/** Those that can go on. @type {Task<any>[]} */
let runnable = [];
/** Those that wait, and what for. @type {Map<Task<any>, Awaited>} */
const waiting = new Map();

/**
 * Runs a generator, and what it starts, to its end. A cancel request is thrown where it waits.
 * @template T
 * @param {Generator<Awaited, T, void>} body
 * @returns {T}
 */
export function run(body) {
  const main = spawn(body);
  let asked = false;
  for (;;) {
    for (let task = runnable.shift(); task !== undefined; task = runnable.shift()) step(task);
    if (main.ended !== undefined) return result(main);
    const operations = [...waiting.values()].filter((awaited) => typeof awaited === "number");
    const ready = waitAny(asked ? operations : [...operations, onRequest()]);
    if (operations.includes(ready)) {
      wake((awaited) => awaited === ready);
    } else {
      asked = true;
      cancel(main);
    }
  }
}

/** @param {Task<any>} task */
function step(task) {
  try {
    const interrupted = task.interrupted;
    task.interrupted = undefined;
    const { done, value } = interrupted ? task.body.throw(interrupted.error) : task.body.next();
    if (!done) return waiting.set(task, value);
    task.ended = { value };
  } catch (error) {
    task.ended = { error };
  }
  wake((awaited) => Array.isArray(awaited) && awaited.includes(task));
}

/** @param {(awaited: Awaited) => boolean} isHere */
function wake(isHere) {
  for (const [task, awaited] of waiting) {
    if (isHere(awaited)) {
      waiting.delete(task);
      runnable.push(task);
    }
  }
}

/**
 * Starts a task, which goes on beside the one that starts it.
 * @template T
 * @param {Generator<Awaited, T, void>} body
 */
export function spawn(body) {
  const task = new Task(body);
  runnable.push(task);
  return task;
}

/**
 * Throws into a task where it waits, as a cancel request does into the first.
 * @param {Task<any>} task
 */
export function cancel(task) {
  if (task.ended !== undefined || task.interrupted !== undefined) return;
  task.interrupted = { error: Object.assign(new Error("canceled"), { payload: canceled([]) }) };
  if (waiting.delete(task)) runnable.push(task);
}

/**
 * What a task that has ended has come to.
 * @template T
 * @param {Task<T>} task
 * @returns {T}
 */
function result({ ended }) {
  if (ended === undefined || "error" in ended) throw ended?.error;
  return /** @type {T} */ (ended.value);
}

/**
 * Runs all at once, and gives their results in order. If one fails, the others are canceled, and waited for.
 * @template T
 * @param {Generator<Awaited, T, void>[]} bodies
 * @returns {Generator<Awaited, T[], void>}
 */
export function* all(bodies) {
  const tasks = bodies.map(spawn);
  const open = () => tasks.filter((task) => task.ended === undefined);
  try {
    while (open().length > 0) {
      yield open();
      tasks.filter((task) => task.ended !== undefined).forEach(result);
    }
    return tasks.map(result);
  } catch (error) {
    failureOf(error);
    tasks.forEach(cancel);
    while (open().length > 0) yield open();
    throw error;
  }
}

/**
 * Executes an activity. If the task is canceled meanwhile, so is the activity.
 * @param {string} activityType
 * @param {Payload[]} input
 * @param {ActivityOptions} options
 * @returns {Generator<Awaited, Payload, void>}
 */
export function* execute(activityType, input, options) {
  const activity = activities.start(activityType, input, options);
  try {
    yield activity;
  } catch (error) {
    activities.cancel(activity);
    shield();
    try {
      activities.outcome(activity);
    } catch (failed) {
      if (!isCanceled(failureOf(failed))) throw failed;
    } finally {
      unshield();
    }
    throw error;
  }
  return activities.outcome(activity);
}

/**
 * Sleeps for so many seconds.
 * @param {number} seconds
 * @returns {Generator<Awaited, void, void>}
 */
export function* sleep(seconds) {
  const timer = timers.start(seconds);
  try {
    yield timer;
  } catch (error) {
    timers.cancel(timer);
    throw error;
  }
  timers.wait(timer);
}

/**
 * The oldest signal of that name that waits, or the next.
 * @param {string} name
 * @returns {Generator<Awaited, Signal, void>}
 */
export function* receive(name) {
  for (;;) {
    const signal = take(name);
    if (signal !== null) return signal;
    yield onSignal(name);
  }
}
