// Composes a greeting, and cleans up when asked to stop.
import * as activities from "sandglass:workflow/activities@0.1.0";
import type { ActivityOptions } from "sandglass:workflow/activities@0.1.0";
import { sleep } from "sandglass:workflow/timers@0.1.0";
import type { Payload } from "sandglass:workflow/types@0.1.0";
import { failureOf, shielded } from "../../patterns/javascript/patterns.js";

const options: ActivityOptions = { startToCloseTimeout: 300, heartbeatTimeout: 30 };

export function run(input: Payload[]): Payload {
  const greeting = activities.start("cancellable_activity", input, options);
  try {
    try {
      sleep(3);
    } finally {
      activities.cancel(greeting);
    }
    return activities.outcome(greeting);
  } catch (error) {
    failureOf(error);
    // Whoever cancels the workflow meanwhile does not cut the cleanup short.
    shielded(() => activities.execute("cleanup", [], options));
    throw error;
  }
}
