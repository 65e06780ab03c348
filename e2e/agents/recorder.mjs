// A reverse proxy that keeps what passes it.
import { once } from "node:events";
import http from "node:http";

// record starts a reverse proxy between two ports until the test ends. It resolves to the list of
// the exchanges, in which each message is the text of its header and body. own may serve a
// request itself, and then returns true.
export async function record(t, port, target, own = () => false) {
  const exchanges = [];
  const server = http.createServer((request, response) => {
    if (own(request, response)) return;
    const exchange = { method: request.method, path: request.url, headers: request.rawHeaders, form: "", answer: "" };
    exchanges.push(exchange);
    // Compressed responses could hide a secret.
    const fields = pairs(request.rawHeaders).filter(([name]) => name.toLowerCase() !== "accept-encoding");
    const inner = http.request({ host: "127.0.0.1", port: target, method: request.method, path: request.url, headers: fields.flat() });
    inner.on("response", (answer) => {
      exchange.status = answer.statusCode;
      exchange.answerHeaders = answer.rawHeaders;
      answer.on("data", (chunk) => (exchange.answer += chunk.toString("latin1")));
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    inner.on("error", () => response.destroy());
    response.on("close", () => inner.destroy());
    request.on("data", (chunk) => (exchange.form += chunk.toString("latin1")));
    request.pipe(inner);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return exchanges;
}

// text returns everything of an exchange that a secret could be in.
export function text({ path, headers, form, answerHeaders = [], answer }) {
  return [path, ...headers, form, ...answerHeaders, answer].join("\n");
}

// field returns the values of a header field of a request.
export function field({ headers }, name) {
  return pairs(headers).filter(([n]) => n.toLowerCase() === name).map(([, value]) => value);
}

function pairs(list) {
  return Array.from({ length: list.length / 2 }, (_, i) => list.slice(2 * i, 2 * i + 2));
}
