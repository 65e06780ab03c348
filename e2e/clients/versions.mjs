// Which versions of the libraries are here, for the table.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { build } from "../deployment.mjs";

const ask = (program, ...args) => execFileSync(program, args, { encoding: "utf8", timeout: 10_000 });

// npm is the version of a package as it is installed here.
export function npm(name) {
  const file = path.join(import.meta.dirname, "../node_modules", name, "package.json");
  return JSON.parse(fs.readFileSync(file, "utf8")).version;
}

// debian is a package's version without what Debian adds to it.
export function debian(name) {
  return ask("dpkg-query", "--show", "--showformat=${Version}", name).match(/^(?:\d+:)?([\d.]+)/)[1];
}

// golang is the version of a module in a program.
export function golang(module, program) {
  const modules = ask("go", "version", "-m", path.join(build, program));
  return modules.match(new RegExp(`\\t${module}\\tv(\\S+)`))[1];
}
