// A minimal MCP server: streamable HTTP on a loopback port, one tool, and no authorization,
// which is the provider's task. As a program it listens on the port in its argument.
import http from "node:http";
import { once } from "node:events";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

// startMcpServer resolves to the server's URL and a function that stops it. Port 0 means a
// free port.
export async function startMcpServer(port = 0) {
  const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

// answer serves one request. Each request gets its own server: without sessions there is no state.
export async function answer(request, response) {
  const mcp = new McpServer({ name: "e2e", version: "1.0.0" });
  mcp.registerTool("ping", { description: "Answers pong." }, () => ({
    content: [{ type: "text", text: "pong" }],
  }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on("close", () => mcp.close());
  await mcp.connect(transport);
  await transport.handleRequest(request, response);
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await startMcpServer(Number(process.argv[2]));
  console.log(`listening on ${url}`);
}
