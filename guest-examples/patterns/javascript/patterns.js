// What most workflows in JavaScript and TypeScript want beside the bindings. Take it along, or leave it.
//
// It is no SDK: what a workflow calls is the WIT itself. The comments' types are checked, and are what TypeScript sees.
import { outcome, start } from "sandglass:workflow/activities@0.1.0";
import { shield, unshield } from "sandglass:workflow/cancellation@0.1.0";
import { application } from "sandglass:workflow/failures@0.1.0";
import * as log from "sandglass:workflow/log@0.1.0";
import { settle, waitAny } from "sandglass:workflow/select@0.1.0";

/** @typedef {import("sandglass:workflow/types@0.1.0").Payload} Payload */
/** @typedef {import("sandglass:workflow/types@0.1.0").Failure} Failure */
/** @typedef {import("sandglass:workflow/activities@0.1.0").ActivityOptions} ActivityOptions */

/**
 * A payload that holds the value as JSON.
 * @param {unknown} value
 * @returns {Payload}
 */
export const encode = (value) => ({ tag: "json", val: JSON.stringify(value ?? null) });

/**
 * The first argument; none is null. What is no JSON fails the run: it would be none the next time, either.
 * @param {Payload[]} payloads
 * @returns {any}
 */
export function decode([payload]) {
  if (payload === undefined || payload.tag === "nil") return null;
  if (payload.tag !== "json") throw failed("BadPayload", "the payload is not JSON");
  try {
    return JSON.parse(payload.val);
  } catch (error) {
    throw failed("BadPayload", String(error));
  }
}

/**
 * An application failure to throw, of a kind that trying again does not help.
 * @param {string} errorType
 * @param {string} message
 */
export const failed = (errorType, message) => Object.assign(new Error(message), { payload: application(message, errorType, true) });

/**
 * The failure that a catch has caught. Anything else is a mistake in the code, and is thrown on: mended code goes on from there.
 * @param {any} error
 * @returns {Failure}
 */
export function failureOf(error) {
  if (error?.payload?.info === undefined) throw error;
  return error.payload;
}

/**
 * Does what is not to be cut short by a cancel request, which waits.
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
export function shielded(work) {
  shield();
  try {
    return work();
  } finally {
    unshield();
  }
}

/**
 * Does the work, and if it fails, what it gave to `undo`, the newest first.
 *
 * Give it before the step that it undoes: one that failed or was canceled may have had its effect.
 * @template T
 * @param {(undo: (step: () => unknown) => void) => T} work
 * @returns {T}
 */
export function saga(work) {
  /** @type {(() => unknown)[]} */
  const steps = [];
  try {
    return work((step) => steps.push(step));
  } catch (error) {
    failureOf(error);
    shielded(() => steps.reverse().forEach(undone));
    throw error;
  }
}

/** @param {() => unknown} step */
function undone(step) {
  try {
    step();
  } catch (error) {
    log.error(`could not be undone: ${failureOf(error).message}`);
  }
}

/**
 * Executes activities, so many at once, and gives their results in order. If one fails, the others are canceled.
 * @param {number} count
 * @param {[string, Payload[]][]} calls
 * @param {ActivityOptions} options
 */
export function atMost(count, calls, options) {
  /** @type {Payload[]} */
  const results = [];
  const waiting = [...calls.entries()];
  /** @type {Map<number, number>} */
  const running = new Map();
  try {
    for (;;) {
      for (const [index, [activityType, input]] of waiting.splice(0, count - running.size)) {
        running.set(start(activityType, input, options), index);
      }
      if (running.size === 0) return results;
      const ended = waitAny([...running.keys()]);
      const index = running.get(ended) ?? 0;
      running.delete(ended);
      results[index] = outcome(ended);
    }
  } catch (error) {
    failureOf(error);
    settle([...running.keys()]);
    throw error;
  }
}
