// Makes a mistake, after an activity: an exception that nobody catches, and that its saga does not take for a failure.
import { execute } from "sandglass:workflow/activities@0.1.0";
import type { ActivityOptions } from "sandglass:workflow/activities@0.1.0";
import type { Payload } from "sandglass:workflow/types@0.1.0";
import { saga } from "../../patterns/javascript/patterns.js";

const options: ActivityOptions = { startToCloseTimeout: 10 };

interface Charged {
  receipt: { amount: Payload };
}

export function run(input: Payload[]): Payload {
  return saga((undo) => {
    undo(() => execute("cleanup", [], options));
    const charged: unknown = execute("charge", input, options);
    return mistaken(charged as Charged);
  });
}

function mistaken(charged: Charged): Payload {
  return charged.receipt.amount;
}
