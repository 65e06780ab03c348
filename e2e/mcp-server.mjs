// A minimal MCP server: streamable HTTP on a loopback port, one tool, no
// authorization of its own, because that is the provider's part.
import http from "node:http";
import { once } from "node:events";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

// startMcpServer resolves to the server's URL and a function that ends it.
export async function startMcpServer() {
  const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

// Each request has a server of its own: without sessions there is nothing to
// keep between two.
async function answer(request, response) {
  const mcp = new McpServer({ name: "e2e", version: "1.0.0" });
  mcp.registerTool("ping", { description: "Answers pong." }, () => ({
    content: [{ type: "text", text: "pong" }],
  }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on("close", () => mcp.close());
  await mcp.connect(transport);
  await transport.handleRequest(request, response);
}
