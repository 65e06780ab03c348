// Running the client programs, and recording what they send.
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { text } from "node:stream/consumers";
import { Process } from "../processes.mjs";

// The programs cannot reach anything but the servers here, and leave no files behind.
const environment = { PATH: process.env.PATH, HOME: "/nonexistent", LANG: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1" };

// run gives a client its jobs and resolves to the outcome of each, by id.
export async function run(t, client, jobs) {
  const [command, ...args] = client.program;
  const child = new Process(client.name, command, args, { input: "pipe", env: environment });
  t.after(() => child.stop());
  child.child.stdin.on("error", () => {}); // the exit code says why
  child.child.stdin.end(JSON.stringify(jobs));
  const code = await child.exit(120);
  if (code !== 0) throw new Error(`${client.name} ended with ${code}:\n${child.stderr}`);
  const outcomes = child.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  return new Map(outcomes.map(({ id, grants }) => [id, grants]));
}

// forEach does the work for every item, some at the same time.
export async function forEach(items, limit, work) {
  const waiting = [...items];
  const worker = async () => {
    while (waiting.length > 0) await work(waiting.shift());
  };
  await Promise.all(Array.from({ length: limit }, worker));
}

// record starts an authorization server, until the test ends. It grants every request with a form
// that it accepts. Its requests are those at the token endpoint, with Authorization and form. Its
// issuer can be that of a gateway.
export async function record(t, { issuer, accepts = () => true } = {}) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    if (request.method === "POST") {
      const form = new URLSearchParams(await text(request));
      const accepted = accepts(form);
      requests.push({ authorization: request.headers.authorization, form, accepted });
      if (!accepted) return reply(response, 401, { error: "invalid_client" });
      reply(response, 200, { access_token: "granted", token_type: "Bearer", expires_in: 3600 });
    } else if (request.url === "/.well-known/oauth-authorization-server") {
      reply(response, 200, metadata(issuer ?? origin));
    } else {
      reply(response, 404, {});
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin, requests, metadata: metadata(issuer ?? origin) };
}

function metadata(origin) {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    response_types_supported: ["code"],
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
  };
}

function reply(response, status, document) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(document));
}

const file = path.join(import.meta.dirname, "../../clientauth/testdata/basic.json");
const { client_id, client_secret, encoders } = JSON.parse(fs.readFileSync(file, "utf8"));

// vectors returns the credentials of the gateway's own tests and, for each known encoder,
// their Authorization. A library that is limited to ASCII gets them without their only
// other letter.
export function vectors(client) {
  if (!client.refuses) return { credentials: { client_id, client_secret }, encoders };
  const onlyASCII = (text) => text.replace(/\xc3\xa9|%C3%A9|\xe9/, "");
  const again = (header) => {
    const pair = onlyASCII(Buffer.from(header.slice("Basic ".length), "base64").toString("latin1"));
    return `Basic ${Buffer.from(pair, "latin1").toString("base64")}`;
  };
  return {
    credentials: { client_id, client_secret: onlyASCII(client_secret) },
    encoders: encoders.map(({ name, header }) => ({ name, header: again(header) })),
  };
}
