// Executes as many activities as its input says, some at a time, and keeps little of what they return.
import { outcome, start } from "sandglass:workflow/activities@0.1.0";
import { decode, encode } from "../../patterns/javascript/patterns.js";

const atOnce = 200;
const options = { startToCloseTimeout: 10 };

export function run(input) {
  const count = decode(input);
  let length = 0;
  for (let done = 0; done < count; done += atOnce) {
    const running = Array.from({ length: atOnce }, (_, index) => start("step", [encode(done + index)], options));
    for (const activity of running) {
      length += decode([outcome(activity)]).length;
    }
  }
  return encode(length);
}
