// Child processes that do not outlive the tests, and free ports.
import { spawn } from "node:child_process";
import crypto from "node:crypto";
import { once } from "node:events";
import net from "node:net";

const running = new Set();

// Each child has its own process group, so that its children end with it. A terminal's
// signals do not reach these groups, so they end this process, which kills the groups.
process.on("exit", () => running.forEach((child) => child.signal("SIGKILL")));
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => process.exit(1));

// Process is a started program and its output. The name is for messages, which must not
// hold the arguments, because these may hold secrets.
export class Process {
  constructor(name, command, args, { input = "ignore", ...options } = {}) {
    this.name = name;
    this.stdout = "";
    this.stderr = "";
    this.child = spawn(command, args, {
      ...options,
      detached: true,
      stdio: [input, "pipe", "pipe"],
    });
    running.add(this);
    for (const stream of ["stdout", "stderr"]) {
      this.child[stream].setEncoding("utf8").on("data", (text) => {
        this[stream] += text;
        this.child.emit("printed");
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code, signal) => resolve(code ?? signal));
    }).finally(() => running.delete(this));
    this.ended.catch(() => {}); // exit reports it
  }

  get output() {
    return this.stdout + this.stderr;
  }

  // saw resolves to the match as soon as the output matches.
  async saw(pattern, seconds = 30) {
    const found = () => this.stdout.match(pattern) ?? this.stderr.match(pattern);
    let look;
    const watching = new Promise((resolve) => {
      look = () => found() && resolve();
      this.child.on("printed", look);
      look();
    });
    await this.within(seconds, Promise.race([watching, this.ended])).finally(() => this.child.off("printed", look));
    const match = found();
    if (!match) throw new Error(`${this.name} ended without printing ${pattern}:\n${this.output}`);
    return match;
  }

  // exit resolves to the exit code, or to the name of the signal.
  exit(seconds = 30) {
    return this.within(seconds, this.ended);
  }

  // stop ends the process, with SIGKILL after 5 s.
  async stop(signal = "SIGTERM") {
    if (!running.has(this)) return;
    this.signal(signal);
    await this.exit(5).catch(() => this.signal("SIGKILL"));
    await this.exit(5).catch(() => {});
  }

  signal(name) {
    try {
      process.kill(-this.child.pid, name);
    } catch {
      // The process has ended or never started.
    }
  }

  within(seconds, promise) {
    let timer;
    const late = new Promise((_, reject) => {
      const error = new Error(`${this.name} took longer than ${seconds} s`);
      timer = setTimeout(() => {
        error.message += `:\n${this.output}`;
        reject(error);
      }, seconds * 1000);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }
}

// freePorts resolves to ports of 127.0.0.1 without a listener, for programs that name each
// other in their arguments. No connection gets one of them: Linux takes the ports of outgoing
// connections from 32768 on.
export async function freePorts(count) {
  const servers = [];
  while (servers.length < count) {
    const server = net.createServer().listen(crypto.randomInt(20_000, 32_000), "127.0.0.1");
    try {
      await once(server, "listening");
      servers.push(server);
    } catch (error) {
      if (error.code !== "EADDRINUSE") throw error;
    }
  }
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
