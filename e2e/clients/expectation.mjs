// What is to happen when a client logs in with some credentials.
import { raw } from "./catalogue.mjs";

// expectation returns one of
//   success      every grant answers with tokens
//   misreading   the gateway reads another secret, the provider refuses it
//   colon        the gateway reads another id, the provider does not know it
//   wrong        the provider refuses the secret, as it should
//   unable       the library itself does not take the credentials
export function expectation({ client, method, shape, pinned, job }) {
  const unencoded = raw(client) && method === "client_secret_basic";
  if (client.refuses?.(job) || (unencoded && !writable(client, job))) return "unable";
  if (shape.wrong) return "wrong";
  if (unencoded && shape.misread && !pinned) return "misreading";
  if (unencoded && shape.colon) return "colon";
  return "success";
}

// writable tells whether a client has octets for the credentials.
function writable(client, { client_id, client_secret }) {
  return client.encoding !== "raw-latin1" || !/[^\x00-\xff]/.test(client_id + client_secret);
}
