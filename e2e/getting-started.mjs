// The commands of docs/getting-started.md, and a terminal to type them in.
import fs from "node:fs";
import path from "node:path";
import { Process } from "./processes.mjs";

export const top = path.join(import.meta.dirname, "..");

const text = fs.readFileSync(path.join(top, "docs/getting-started.md"), "utf8");

// blocks are the fenced blocks: a language, words behind it for these tests, and the text.
export const blocks = [...text.matchAll(/^( *)```(\w+)([^\n]*)\n([\s\S]*?)^\1```$/gm)].map(
  ([, indent, language, words, lines]) => ({
    language,
    words: words.trim().split(" ").filter(Boolean),
    text: lines.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }),
);

// said reports whether the page has a sentence, wherever its lines break.
export const said = (sentence) => text.replaceAll(/\s+/g, " ").includes(sentence);

// elsewhere replaces the page's ports, which may be in use.
export function elsewhere(lines, ports) {
  return lines.replaceAll(new RegExp(`\\b(${Object.keys(ports).join("|")})\\b`, "g"), (port) => ports[port]);
}

// Terminal is a shell that ends with the test.
export class Terminal extends Process {
  constructor(t, options) {
    super("the terminal", "bash", ["--norc"], { ...options, input: "pipe" });
    // Background processes are in its process group.
    t.after(() => this.stop());
    // Background processes keep the output open, so the shell prints its own end.
    // One stream keeps everything in order.
    this.child.stdin.write("exec 2>&1; set -euo pipefail; trap 'echo \"=ended $?=\"' EXIT\n");
  }

  // type types commands and drops the output so far. If one of them fails, the shell ends.
  type(commands) {
    this.stdout = this.stderr = "";
    this.child.stdin.write(`{\n${commands}\n} < /dev/null\necho "=ended 0="\n`);
  }

  // typeFailing types a command that may fail.
  typeFailing(command) {
    this.stdout = this.stderr = "";
    this.child.stdin.write(`if ${command.trim()} < /dev/null; then echo "=ended 0="; else echo "=ended $?="; fi\n`);
  }

  // done resolves to the status of the last commands.
  async done(seconds) {
    const [, status] = await this.saw(/^=ended (\d+)=$/m, seconds);
    return Number(status);
  }
}
