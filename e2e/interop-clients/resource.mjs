// What stands for an MCP server on an origin of its own: it sends whoever comes
// to the authorization server (RFC 9728).
import { once } from "node:events";
import http from "node:http";

// protect starts one until the test ends, and resolves to its URL.
export async function protect(t, issuer) {
  const server = http.createServer((request, response) => {
    if (request.url.startsWith("/.well-known/oauth-protected-resource")) {
      const document = { resource: `${origin}/mcp`, authorization_servers: [issuer] };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
    } else if (request.url === "/mcp") {
      const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
      response.writeHead(401, { "www-authenticate": `Bearer resource_metadata="${metadata}"` }).end();
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return `${origin}/mcp`;
}
