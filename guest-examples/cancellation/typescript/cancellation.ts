// What a workflow can make of a cancel request. Its input says which; none is `cleanup`.
import { execute } from "sandglass:workflow/activities@0.1.0";
import { application } from "sandglass:workflow/failures@0.1.0";
import { sleep } from "sandglass:workflow/timers@0.1.0";
import type { Payload } from "sandglass:workflow/types@0.1.0";
import { decode, encode, failed, failureOf, shielded } from "../../patterns/javascript/patterns.js";

const AN_HOUR = 3600;

const behaviours: Record<string, () => string | void> = {
  // Cleans up, then ends as canceled.
  cleanup() {
    try {
      sleep(AN_HOUR);
    } catch (error) {
      failureOf(error);
      // The request has interrupted the sleep; it does not interrupt what follows.
      activity("cleanup");
      throw error;
    }
  },
  // Ends as canceled at once.
  nothing() {
    sleep(AN_HOUR);
  },
  // Goes on as if nothing had happened, and completes.
  swallow() {
    try {
      sleep(AN_HOUR);
    } catch (error) {
      failureOf(error);
      return "swallowed";
    }
  },
  // Ends as failed.
  fail() {
    try {
      sleep(AN_HOUR);
    } catch (error) {
      failureOf(error);
      throw application("the cleanup failed", "CleanupFailed", false);
    }
  },
  // Finishes what must not be cut short, then ends as canceled.
  shield() {
    shielded(() => activity("charge"));
    // A request that came during the charge interrupts this sleep.
    sleep(AN_HOUR);
  },
};

export function run(input: Payload[]): Payload {
  const asked: string = decode(input) ?? "cleanup";
  const behave = behaviours[asked];
  if (behave === undefined) throw failed("BadPayload", "unknown");
  return encode(behave() ?? "not canceled");
}

function activity(type: string): Payload {
  return execute(type, [], { startToCloseTimeout: 10 });
}
