// The page for newcomers, and a terminal in which its commands are typed.
import fs from "node:fs";
import path from "node:path";
import { Process } from "./processes.mjs";

export const top = path.join(import.meta.dirname, "..");

const text = fs.readFileSync(path.join(top, "docs/getting-started.md"), "utf8");

// blocks are what stands between fences: a language, words behind it that only
// this reads, and the lines.
export const blocks = [...text.matchAll(/^( *)```(\w+)([^\n]*)\n([\s\S]*?)^\1```$/gm)].map(
  ([, indent, language, words, lines]) => ({
    language,
    words: words.trim().split(" ").filter(Boolean),
    text: lines.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }),
);

// said reports whether the page tells it, wherever its lines end.
export const said = (sentence) => text.replaceAll(/\s+/g, " ").includes(sentence);

// elsewhere puts other ports in the place of the page's, which may be taken.
export function elsewhere(lines, ports) {
  return lines.replaceAll(new RegExp(`\\b(${Object.keys(ports).join("|")})\\b`, "g"), (port) => ports[port]);
}

// Terminal is one shell, as a newcomer has it, that ends with the test.
export class Terminal extends Process {
  constructor(t, options) {
    super("the terminal", "bash", ["--norc"], { ...options, input: "pipe" });
    // Whatever was started in the background is in its process group.
    t.after(() => this.stop());
    // What runs in the background keeps the output open, so the end is told.
    // All is printed in the order in which it happens.
    this.child.stdin.write("exec 2>&1; set -euo pipefail; trap 'echo \"=ended $?=\"' EXIT\n");
  }

  // type types commands, and forgets what was printed before. It ends the shell
  // if one of them fails.
  type(commands) {
    this.stdout = this.stderr = "";
    this.child.stdin.write(`{\n${commands}\n} < /dev/null\necho "=ended 0="\n`);
  }

  // typeFailing types a command that may fail.
  typeFailing(command) {
    this.stdout = this.stderr = "";
    this.child.stdin.write(`if ${command.trim()} < /dev/null; then echo "=ended 0="; else echo "=ended $?="; fi\n`);
  }

  // done resolves to the status of what was typed last.
  async done(seconds) {
    const [, status] = await this.saw(/^=ended (\d+)=$/m, seconds);
    return Number(status);
  }
}
