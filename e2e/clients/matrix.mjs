// Every client with every method it has, at every server, with every shape of
// credentials.
import crypto from "node:crypto";
import { catalogue, raw } from "./catalogue.mjs";
import { credentials, shapes } from "./credentials.mjs";
import { expectation } from "./expectation.mjs";

const redirectURI = "http://127.0.0.1/callback";

// matrix returns the rows. A row's job is what the client is told, once the
// server's part of it is known; registered is what the server is told.
export function matrix(servers, canary) {
  const rows = [];
  for (const server of servers) {
    for (const client of catalogue) {
      for (const method of client.methods) {
        for (const shape of shapes) rows.push(row(rows.length, { server, client, method, shape }, canary));
        if (!raw(client) || method !== "client_secret_basic") continue;
        // What the known misreadings are cured with.
        for (const shape of shapes.filter((shape) => shape.misread)) {
          rows.push(row(rows.length, { server, client, method, shape, pinned: true }, canary));
        }
      }
    }
  }
  return rows;
}

function row(number, { server, client, method, shape, pinned = false }, canary) {
  const pair = credentials(shape, number, canary);
  const job = {
    id: number,
    ...pair,
    method,
    variant: client.variant,
    grants: client.grants.filter((grant) => server.grants.includes(grant)),
    redirect_uri: redirectURI,
    code_verifier: crypto.randomBytes(32).toString("base64url"),
  };
  const secret = shape.wrong ? `another${pair.client_secret}` : pair.client_secret;
  return {
    name: [client.name, method, server.name, shape.name, ...(pinned ? ["pinned to raw"] : [])].join(", "),
    server,
    client,
    method,
    shape,
    pinned,
    job,
    registered: { client_id: pair.client_id, client_secret: secret, redirect_uris: [redirectURI] },
    expected: expectation({ client, method, shape, pinned, job }),
  };
}
