// Executes as many activities as its input says, some at a time, each in a task of its own, and counts the letters of what they end with.
import { decode, encode, failureOf } from "../../patterns/javascript/patterns.js";
import * as tasks from "../../patterns/javascript/tasks.js";

const atOnce = 20;
const options = { startToCloseTimeout: 10 };

export function run(input) {
  return tasks.run(main(decode(input)));
}

function* main(count) {
  let length = 0;
  for (let done = 0; done < count; done += atOnce) {
    const running = Array.from({ length: atOnce }, (_, index) => letters(done + index));
    for (const counted of yield* tasks.all(running)) length += counted;
  }
  return encode(length);
}

function* letters(number) {
  try {
    return decode([yield* tasks.execute("step", [encode(number)], options)]).length;
  } catch (error) {
    return failureOf(error).causes[0].message.length;
  }
}
