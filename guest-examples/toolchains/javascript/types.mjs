// Writes what the WIT says as TypeScript's declarations: node types.mjs <folder of the WIT> <file>.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { $init, generateTypes } from "@bytecodealliance/jco-transpile/component";

const [folder, file] = process.argv.slice(2);

// One text, as the generator reads no files: the world first, for it names the package.
const interfaces = readdirSync(folder).filter((name) => /^(?!world|activity).*\.wit$/.test(name));
const wit = ["world.wit", ...interfaces.sort()].map((name) => readFileSync(join(folder, name), "utf8"));

await $init;
const declarations = generateTypes("workflow", {
  wit: { tag: "source", val: wit.join("\n") },
  world: "workflow",
  guest: true,
  features: { tag: "list", val: [] },
});
const text = declarations
  .map(([, bytes]) => new TextDecoder().decode(bytes))
  .join("\n")
  // What QuickJS takes and gives for a list of numbers, and gives for an option that is empty.
  .replaceAll("Uint32Array", "Array<number>")
  .replaceAll(/\| undefined;$/gm, "| null;")
  .replaceAll(/^\/\/\/ <reference .*\n/gm, "");
writeFileSync(file, `// Made by toolchains/javascript/types.mjs from the WIT.\n\n${text}`);
