// Makes the mistake that its input names; what the compiler would find is hidden from it.
import type { Payload } from "sandglass:workflow/types@0.1.0";
import { decode, encode } from "../../patterns/javascript/patterns.js";

declare const process: { exit(status: number): never };
declare function require(name: string): { readFileSync(path: string): unknown };
declare function fetch(url: string): Promise<unknown>;
declare class Worker {
  constructor(path: string);
}

export function run(input: Payload[]): Payload {
  switch (decode(input)) {
    case "throw":
      throw new Error("the stock is inconsistent");
    case "exit":
      return process.exit(3);
    case "number":
      return 13 as unknown as Payload;
    case "nothing":
      return undefined as unknown as Payload;
    case "clock":
      waitForTheClock();
      break;
    case "file":
      require("node:fs").readFileSync("/stock.txt");
      break;
    case "socket":
      void fetch("http://127.0.0.1/");
      break;
    case "thread":
      new Worker("worker.js");
  }
  return encode("none");
}

function waitForTheClock(): void {
  const begin = Date.now();
  while (Date.now() < begin + 1000);
}
