// An authorization server that grants everything and remembers how it was
// asked.
import { once } from "node:events";
import http from "node:http";
import { text } from "node:stream/consumers";

// record starts one until the test ends. Its requests are those at the token
// endpoint, each with its Authorization and its form.
export async function record(t) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    if (request.method === "POST") {
      const form = new URLSearchParams(await text(request));
      requests.push({ authorization: request.headers.authorization, form });
      reply(response, 200, { access_token: "granted", token_type: "Bearer", expires_in: 3600 });
    } else if (request.url === "/.well-known/oauth-authorization-server") {
      reply(response, 200, metadata(origin));
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
  return { requests, metadata: metadata(origin) };
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
