// Three things at once: two activities in a row, a sleep and an activity, and a signal. Cleans up when asked to stop.
import { decode, encode, failureOf } from "../../patterns/javascript/patterns.js";
import * as tasks from "../../patterns/javascript/tasks.js";

const options = { startToCloseTimeout: 10 };

export function run(input) {
  return tasks.run(main(input));
}

function* main(input) {
  try {
    return encode(yield* tasks.all([greet(input), charge(input), approval()]));
  } catch (error) {
    failureOf(error);
    yield* tasks.execute("cleanup", [], options);
    throw error;
  }
}

function* greet(input) {
  const greeting = yield* tasks.execute("greet", input, options);
  return decode([yield* tasks.execute("greet_politely", [greeting], options)]);
}

function* charge(input) {
  yield* tasks.sleep(3);
  return decode([yield* tasks.execute("charge", input, options)]);
}

function* approval() {
  return decode((yield* tasks.receive("go")).input);
}
