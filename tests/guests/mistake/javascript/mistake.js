// Makes a mistake, after an activity: an exception that nobody catches, and that its saga does not take for a failure.
import { execute } from "sandglass:workflow/activities@0.1.0";
import { saga } from "../../patterns/javascript/patterns.js";

const options = { startToCloseTimeout: 10 };

export function run(input) {
  return saga((undo) => {
    undo(() => execute("cleanup", [], options));
    const charged = execute("charge", input, options);
    return mistaken(charged);
  });
}

function mistaken(charged) {
  return charged.receipt.amount;
}
