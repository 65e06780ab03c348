// curl -u, as people write it by hand.
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { work } from "./jobs.mjs";

await work((job) => ({
  authorization_code: () =>
    post(job, {
      grant_type: "authorization_code",
      code: job.callback.code,
      redirect_uri: job.redirect_uri,
      code_verifier: job.code_verifier,
    }),
  refresh_token: (token) => post(job, { grant_type: "refresh_token", refresh_token: token }),
  client_credentials: () => post(job, { grant_type: "client_credentials" }),
}));

async function post(job, form) {
  const credentials = { client_id: job.client_id, client_secret: job.client_secret };
  const fields = job.method === "client_secret_post" ? { ...form, ...credentials } : form;
  const options = [
    ["url", job.token_endpoint],
    ...Object.entries(fields).map(([name, value]) => ["data-urlencode", `${name}=${value}`]),
  ];
  if (job.method === "client_secret_basic") options.push(["user", `${job.client_id}:${job.client_secret}`]);

  // The secret comes as configuration on standard input: arguments are for
  // everybody to see.
  const curl = spawn("curl", ["--silent", "--show-error", "--max-time", "20", "-K", "-"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  curl.stdin.end(options.map(([name, value]) => `${name} = ${quoted(value)}\n`).join(""));
  const answer = JSON.parse(await text(curl.stdout));
  if (answer.error) throw Object.assign(new Error(answer.error_description), { error: answer.error });
  return answer;
}

function quoted(value) {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}
