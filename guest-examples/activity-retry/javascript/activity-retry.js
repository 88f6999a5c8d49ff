// Tries an activity a few times, and says how it ended.
import { execute } from "sandglass:workflow/activities@0.1.0";
import { encode, failureOf } from "../../patterns/javascript/patterns.js";

const options = {
  startToCloseTimeout: 10,
  retryPolicy: {
    initialInterval: 0.1,
    maximumAttempts: 3,
    nonRetryableErrorTypes: ["OutOfStock"],
  },
};

// Its input goes to the activity `flaky`.
export function run(input) {
  try {
    return execute("flaky", input, options);
  } catch (error) {
    // The activity's own failure is the cause of the one that says that it was given up.
    const info = failureOf(error).causes[0]?.info;
    if (info?.tag === "application" && info.val.errorType === "OutOfStock") {
      return encode("ordered elsewhere");
    }
    throw error;
  }
}
