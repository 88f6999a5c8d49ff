// Executes as many activities as its input says, some at a time, and counts the letters of their results, or of why they failed.
import { outcome, start } from "sandglass:workflow/activities@0.1.0";
import { decode, encode, failureOf } from "../../patterns/javascript/patterns.js";

const atOnce = 200;
const options = { startToCloseTimeout: 10 };

export function run(input) {
  const count = decode(input);
  let length = 0;
  for (let done = 0; done < count; done += atOnce) {
    const running = Array.from({ length: atOnce }, (_, index) => start("step", [encode(done + index)], options));
    for (const activity of running) {
      length += letters(activity);
    }
  }
  return encode(length);
}

function letters(activity) {
  try {
    return decode([outcome(activity)]).length;
  } catch (error) {
    return failureOf(error).causes[0].message.length;
  }
}
