// Three things at once: two activities in a row, a sleep and an activity, and a signal. Cleans up when asked to stop.
import type { Payload } from "sandglass:workflow/types@0.1.0";
import { decode, encode, failureOf } from "../../patterns/javascript/patterns.js";
import * as tasks from "../../patterns/javascript/tasks.js";

/** What runs beside others, and what it comes to. */
type Work<T> = Generator<tasks.Awaited, T, void>;

const options = { startToCloseTimeout: 10 };

export function run(input: Payload[]): Payload {
  return tasks.run(main(input));
}

function* main(input: Payload[]): Work<Payload> {
  try {
    return encode(yield* tasks.all([greet(input), charge(input), approval()]));
  } catch (error) {
    failureOf(error);
    yield* tasks.execute("cleanup", [], options);
    throw error;
  }
}

function* greet(input: Payload[]): Work<string> {
  const greeting = yield* tasks.execute("greet", input, options);
  return decode([yield* tasks.execute("greet_politely", [greeting], options)]);
}

function* charge(input: Payload[]): Work<string> {
  yield* tasks.sleep(3);
  return decode([yield* tasks.execute("charge", input, options)]);
}

function* approval(): Work<string> {
  return decode((yield* tasks.receive("go")).input);
}
