// Every client with each of its methods, at every server, with every kind of
// credentials that is used there.
import crypto from "node:crypto";
import { catalogue, raw } from "./catalogue.mjs";

const redirectURI = "http://127.0.0.1/callback";
const everything = "p+l/u=s:&~!é ü%";

// shapes are the client ids and secrets. misread marks the secrets that the gateway
// decodes although they come unencoded: an encoder makes the same bytes of another
// secret. RFC 7617 section 2 forbids the colon in an id, and only an encoding can
// represent it.
export const shapes = [
  { name: "plain secret", secret: "plain-_.~123" },
  { name: "secret with everything", secret: everything },
  { name: "secret with all punctuation of ASCII", secret: "!\"#$%&'()*+,-./ :;<=>?@[\\]^_`{|}~" },
  { name: "secret in base64", secret: "q8+/Zk2v+R/7yA==" },
  { name: "secret that ends in a percent sign", secret: "100%" },
  { name: "secret with a space", secret: "a b" },
  { name: "secret beyond Latin-1", secret: "€ and 鍵" },
  { name: "secret that looks like an escape", secret: "%41", misread: true },
  { name: "secret with a plus alone", secret: "x+y", misread: true },
  { name: "id with a space", id: "a b", secret: everything },
  // The gateway decides once for the id and the secret.
  { name: "id with a space, secret with a plus alone", id: "a b", secret: "x+y" },
  { name: "id with everything but a colon", id: "i+d/=&~!é ü%", secret: everything },
  { name: "id with a colon", id: "app:1", secret: "plain-_.~123", colon: true },
  { name: "wrong secret", secret: "plain-_.~123", wrong: true },
];

// matrix returns the rows. A row's job is what the client gets, completed later with the
// server's part; registered is what the server gets.
export function matrix(servers, canary) {
  const rows = [];
  for (const server of servers) {
    for (const client of catalogue) {
      for (const method of client.methods) {
        const used = shapes.filter(({ name }) => !server.shapes || server.shapes.includes(name));
        for (const shape of used) rows.push(row(rows.length, { server, client, method, shape }, canary));
        if (!raw(client) || method !== "client_secret_basic") continue;
        for (const shape of used.filter((shape) => shape.misread)) {
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

// credentials returns the credentials of one job. The number makes the id unique, so that
// log lines can be told apart. The canary marks the secret; it is alphanumeric, so it
// does not change how the secret is encoded.
function credentials(shape, number, canary) {
  const id = (shape.id ?? "client").replace(/^([a-z]+)/, `$1${number}`);
  return { client_id: id, client_secret: canary + shape.secret };
}

// expectation returns one of
//   success      every grant responds with tokens
//   misreading   the gateway decodes another secret, the provider rejects it
//   colon        the gateway decodes another id, the provider does not know it
//   wrong        the provider rejects the secret, as it should
//   unable       the library itself rejects the credentials
function expectation({ client, method, shape, pinned, job }) {
  const unencoded = raw(client) && method === "client_secret_basic";
  if (client.refuses?.(job) || (unencoded && !writable(client, job))) return "unable";
  if (shape.wrong) return "wrong";
  if (unencoded && shape.misread && !pinned) return "misreading";
  if (unencoded && shape.colon) return "colon";
  return "success";
}

// writable reports whether the client's encoding can represent the credentials.
function writable(client, { client_id, client_secret }) {
  return client.encoding !== "raw-latin1" || !/[^\x00-\xff]/.test(client_id + client_secret);
}
