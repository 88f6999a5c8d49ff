// A change of code that leaves the runs before it as they were: they go on to call `greet`.
import { execute } from "sandglass:workflow/activities@0.1.0";
import { patched } from "sandglass:workflow/execution@0.1.0";

export function run(input) {
  // Once no run from before is open: `deprecatePatch`, and only the new side stays.
  const activity = patched("politeness") ? "greet_politely" : "greet";
  return execute(activity, input, { startToCloseTimeout: 10 });
}
