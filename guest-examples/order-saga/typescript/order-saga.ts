// Reserves, charges and ships an order; undoes it, newest first, when it fails or is canceled.
import { execute } from "sandglass:workflow/activities@0.1.0";
import type { ActivityOptions } from "sandglass:workflow/activities@0.1.0";
import * as execution from "sandglass:workflow/execution@0.1.0";
import { race } from "sandglass:workflow/select@0.1.0";
import { onSignal } from "sandglass:workflow/signals@0.1.0";
import * as timers from "sandglass:workflow/timers@0.1.0";
import type { Payload } from "sandglass:workflow/types@0.1.0";
import { atMost, decode, encode, failed, saga } from "../../patterns/javascript/patterns.js";

const A_DAY = 24 * 3600;
const SHIP_AT_ONCE = 3;

const step: ActivityOptions = { startToCloseTimeout: 10 };

/** What is to be delivered, and what for. */
interface Order {
  id: string;
  items: string[];
  amount: number;
}

export function run(input: Payload[]): Payload {
  const order = readOrder(decode(input));
  const trackings = saga((undo) => fulfil(order, undo));
  return encode({ status: "shipped", trackings });
}

/** An order as it came. What is no order fails the run. */
function readOrder(given: Partial<Record<keyof Order, unknown>> | null): Order {
  const { id, items, amount } = given ?? {};
  if (isName(id) && Array.isArray(items) && items.every(isName) && typeof amount === "number") return { id, items, amount };
  throw failed("BadPayload", "an order has an id, items by name, and an amount");
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function fulfil(order: Order, undo: (step: () => unknown) => void): string[] {
  undo(() => execute("release", [encode(order.id)], step));
  execute("reserve", [encode(order)], { ...step, retryPolicy: { maximumAttempts: 5 } });
  publish("reserved");
  undo(() => execute("refund", [encode(order.id)], step));
  execute("charge", [encode(order)], step);
  publish("charged");
  if (order.amount > 1000) approval();
  const trackings = ship(order);
  publish("shipped");
  return trackings;
}

/** Waits for somebody to approve, but not for ever. */
function approval(): void {
  publish("waiting for approval");
  const approve = onSignal("approve");
  const reject = onSignal("reject");
  const first = race([approve, reject, timers.start(A_DAY)]);
  if (first === reject) throw failed("NotApproved", "rejected");
  if (first !== approve) throw failed("NotApproved", "nobody approved within a day");
  publish("approved");
}

function ship({ id, items }: Order): string[] {
  // What is on its way when the order is canceled is waited for, so that it can be undone.
  const options: ActivityOptions = { ...step, cancellationType: "wait-cancellation-completed" };
  const calls = items.map((item): [string, Payload[]] => ["ship", [encode(id), encode(item)]]);
  return atMost(SHIP_AT_ONCE, calls, options).map(trackingOf);
}

function trackingOf(shipped: Payload): string {
  const tracking: unknown = decode([shipped]);
  if (typeof tracking !== "string") throw failed("BadPayload", "a tracking is a text");
  return tracking;
}

function publish(status: string): void {
  execution.publish("status", encode(status));
}
