// Writes what the WIT says as TypeScript's declarations: the folder of the WIT, the world and the file are its arguments.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { $init, generateTypes } from "@bytecodealliance/jco-transpile/component";

const [folder, world, file] = process.argv.slice(-3);

// One text, as the generator reads no files: first the file that names the package, last those of other packages.
const order = (name) => ({ "world.wit": 0, "activity.wit": 2 })[name] ?? 1;
const own = readdirSync(folder).filter((name) => name.endsWith(".wit"));
const wit = own.sort((a, b) => order(a) - order(b)).map((name) => readFileSync(join(folder, name), "utf8"));
for (const name of readdirSync(join(folder, "deps"))) {
  const text = readFileSync(join(folder, "deps", name), "utf8");
  wit.push(`${text.replace(/^(package [^;]+);/m, "$1 {")}\n}`);
}

await $init;
const declarations = generateTypes("world", {
  wit: { tag: "source", val: wit.join("\n") },
  world,
  guest: true,
  features: { tag: "list", val: [] },
});
let text = declarations.map(([, bytes]) => new TextDecoder().decode(bytes)).join("\n");
// What QuickJS, in which workflows run, takes and gives for a list of numbers, and gives for an option that is empty.
if (world.startsWith("sandglass:workflow/")) {
  text = text.replaceAll("Uint32Array", "Array<number>").replaceAll(/\| undefined;$/gm, "| null;");
}
writeFileSync(file, text.replaceAll(/^\/\/\/ <reference .*\n/gm, ""));
