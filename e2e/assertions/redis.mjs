// A Redis server that tests end, silence and start again.
import { execFile } from "node:child_process";
import fs from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { build, debian } from "../deployment.mjs";
import { freePorts, Process } from "../processes.mjs";

export const version = () => debian("redis-tools");

// Redis listens on a port of its own until the test ends. Writes that it has acknowledged survive its end.
export class Redis {
  static async start(t, ...settings) {
    const redis = new Redis();
    [redis.port] = await freePorts(1);
    redis.url = `redis://127.0.0.1:${redis.port}`;
    redis.directory = await fs.mkdtemp(path.join(build, "files-"));
    const port = settings.some((setting) => setting.startsWith("tls-")) ? "port 0\ntls-port" : "port";
    redis.settings = ["bind 127.0.0.1", `${port} ${redis.port}`, `dir ${redis.directory}`, 'save ""', "appendonly yes", ...settings];
    await redis.start();
    t.after(async () => {
      await redis.end();
      await fs.rm(redis.directory, { recursive: true, force: true });
    });
    return redis;
  }

  // start starts it with its settings, which can hold passwords, so they are not arguments.
  async start() {
    this.process = new Process("redis-server", path.join(build, "redis-server"), ["-"], { input: "pipe" });
    this.process.child.stdin.end(this.settings.join("\n"));
    await this.process.saw(/Ready to accept connections/);
  }

  end() {
    return this.process.stop("SIGKILL");
  }

  silence() { this.process.signal("SIGSTOP"); }
  resume() { this.process.signal("SIGCONT"); }

  // command resolves to the reply to a command.
  async command(...words) {
    const { stdout } = await promisify(execFile)("redis-cli", ["-p", this.port, ...words], { timeout: 10_000 });
    return stdout.trim();
  }
}
