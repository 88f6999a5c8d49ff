// Makes the mistake that its input names.
import { execute } from "sandglass:workflow/activities@0.1.0";
import { decode, encode } from "../../patterns/javascript/patterns.js";

export function run(input) {
  switch (decode(input)) {
    case "throw":
      throw new Error("the stock is inconsistent");
    case "throw-text":
      throw "the stock is inconsistent";
    case "throw-object":
      throw { reason: "the stock is inconsistent" };
    case "exit":
      process.exit(3);
      break;
    case "number":
      return 13;
    case "nothing":
      return;
    case "inner-number":
      return { tag: "json", val: 13 };
    case "wrong-tag":
      return { tag: "jsn", val: "13" };
    case "promise":
      return later();
    case "argument":
      execute("charge", 13, { startToCloseTimeout: 1 });
      break;
    case "clock":
      waitForTheClock();
      break;
    case "file":
      require("node:fs").readFileSync("/stock.txt");
      break;
    case "socket":
      fetch("http://127.0.0.1/");
      break;
    case "thread":
      new Worker("worker.js");
  }
  return encode("none");
}

async function later() {
  return encode("none");
}

function waitForTheClock() {
  const begin = Date.now();
  while (Date.now() < begin + 1000);
}
