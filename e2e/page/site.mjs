// A site of its own origin with the page on it.
import fs from "node:fs/promises";
import http from "node:http";
import { once } from "node:events";
import path from "node:path";

const e2e = path.dirname(import.meta.dirname);
const files = {
  "/": ["text/html", "page/index.html"],
  "/client.js": ["text/javascript", "page/client.js"],
  "/oauth4webapi.js": ["text/javascript", "node_modules/oauth4webapi/build/index.js"],
};

// startSite resolves to the site's origin. The site ends with the test.
export async function startSite(t) {
  const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

async function answer(request, response) {
  const [type, file] = files[new URL(request.url, "http://site").pathname] ?? [];
  if (!file) return response.writeHead(404).end();
  const text = await fs.readFile(path.join(e2e, file));
  response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(text);
}
