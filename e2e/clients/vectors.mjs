// The vectors that the gateway's own tests read Basic by.
import fs from "node:fs";
import path from "node:path";

const file = path.join(import.meta.dirname, "../../clientauth/testdata/basic.json");
const { client_id, client_secret, encoders } = JSON.parse(fs.readFileSync(file, "utf8"));

// vectors returns the credentials and, for each known encoder, the
// Authorization it makes of them. For a library that keeps to ASCII they come
// without the one letter that is none, in whichever way it was written.
export function vectors(client) {
  if (!client.refuses) return { credentials: { client_id, client_secret }, encoders };
  const abridge = (text) => text.replace(/\xc3\xa9|%C3%A9|\xe9/, "");
  const again = (header) => {
    const pair = abridge(Buffer.from(header.slice("Basic ".length), "base64").toString("latin1"));
    return `Basic ${Buffer.from(pair, "latin1").toString("base64")}`;
  };
  return {
    credentials: { client_id, client_secret: abridge(client_secret) },
    encoders: encoders.map(({ name, header }) => ({ name, header: again(header) })),
  };
}
