// Waits for somebody to approve, but not for ever.
import { publish } from "sandglass:workflow/execution@0.1.0";
import { race } from "sandglass:workflow/select@0.1.0";
import { onSignal, receive } from "sandglass:workflow/signals@0.1.0";
import * as timers from "sandglass:workflow/timers@0.1.0";
import { decode, encode, failed } from "../../patterns/javascript/patterns.js";

const A_DAY = 24 * 3600;

export function run() {
  publish("status", encode("waiting"));
  const approve = onSignal("approve");
  const reject = onSignal("reject");
  const deadline = timers.start(A_DAY);
  // The first wins; the timer is canceled unless it was the timer.
  const first = race([approve, reject, deadline]);
  if (first !== approve) {
    throw failed("NotApproved", first === reject ? "rejected" : "nobody approved within a day");
  }
  publish("status", encode("approved"));
  const approval = receive("approve");
  const by = decode(approval.input) ?? approval.identity;
  return encode(`approved by ${by}`);
}
