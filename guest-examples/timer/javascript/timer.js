// Sleeps, and cancels a timer that is not needed any more. The host may stop and start meanwhile.
import * as timers from "sandglass:workflow/timers@0.1.0";
import { decode, encode } from "../../patterns/javascript/patterns.js";

// Sleeps for as many seconds as its input says, or for one.
export function run(input) {
  const seconds = decode(input) ?? 1;
  const deadline = timers.start(3600);
  timers.sleep(seconds);
  timers.cancel(deadline);
  return encode(`slept for ${seconds} s`);
}
