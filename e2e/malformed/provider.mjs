// A provider whose responses are correct except for those of a case. It accepts every client
// and builds its URLs from the Host of the request, so it works alone and behind gateways.
import { once } from "node:events";
import http from "node:http";
import { text } from "node:stream/consumers";
import { answer as serveMCP } from "../mcp-server.mjs";

// changesOf returns a case as the change of the response that its kind names.
export function changesOf({ kind, ...change }) {
  return { [{ T: "token", R: "registration", M: "metadata", D: "refresh" }[kind]]: change };
}

// startProvider starts the provider until the test ends. changes holds a change as in cases.mjs
// for each malformed response. It resolves to the origin and the grant types of the token
// requests.
export async function startProvider(t, changes) {
  const grants = [];
  const server = http.createServer((request, response) => {
    serve(request, response, { changes, grants }).catch((error) => response.destroy(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${server.address().port}`, grants };
}

async function serve(request, response, { changes, grants }) {
  const origin = `http://${request.headers.host}`;
  const { pathname, searchParams } = new URL(request.url, origin);
  const reply = (status, members, change) => send(response, origin, status, members, change);
  switch (`${request.method} ${pathname}`) {
    case "GET /.well-known/oauth-authorization-server":
      return reply(200, metadata(origin), changes.metadata);
    case "POST /register":
      return reply(201, registration(origin, JSON.parse(await text(request))), changes.registration);
    case "GET /authorize":
      return response.writeHead(302, { location: callback(searchParams) }).end();
    case "POST /token": {
      const grant = new URLSearchParams(await text(request)).get("grant_type");
      grants.push(grant);
      if (grant !== "refresh_token") return reply(200, tokens, changes.token);
      return changes.refresh ? reply(400, { error: "invalid_grant" }, changes.refresh) : reply(200, tokens);
    }
    case "POST /mcp":
      if (request.headers.authorization === `Bearer ${tokens.access_token}`) return serveMCP(request, response);
      return response.writeHead(401, { "www-authenticate": "Bearer" }).end();
  }
  response.writeHead(404).end();
}

export const tokens = { access_token: "token", token_type: "Bearer", expires_in: 3600, refresh_token: "refresh", scope: "read" };

function metadata(origin) {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
    scopes_supported: ["read"],
    response_types_supported: ["code"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    token_endpoint_auth_methods_supported: ["client_secret_post", "none"],
    code_challenge_methods_supported: ["S256"],
  };
}

function registration(origin, requested) {
  const { token_endpoint_auth_method = "client_secret_post" } = requested;
  const secret = { client_secret: "secret", client_secret_expires_at: 0 };
  return {
    ...requested,
    client_id: "client",
    client_id_issued_at: 1764400000,
    registration_client_uri: `${origin}/register/client`,
    registration_access_token: "registration",
    token_endpoint_auth_method,
    ...(token_endpoint_auth_method === "none" ? {} : secret),
  };
}

function callback(query) {
  const url = new URL(query.get("redirect_uri"));
  url.searchParams.set("code", "code");
  if (query.has("state")) url.searchParams.set("state", query.get("state"));
  return url.href;
}

function send(response, origin, status, members, change = {}) {
  const { type = "application/json", before = "" } = change;
  const body = change.text ?? JSON.stringify({ ...members, ...change.members }).replaceAll("ORIGIN", origin);
  response.writeHead(change.status ?? status, type === null ? {} : { "content-type": type }).end(before + body);
}
