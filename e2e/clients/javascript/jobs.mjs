// What every client of JavaScript does: read jobs from standard input, log in
// as each of them, and print one line of JSON for each.
//
// A job names an authorization server, a client with its secret and method, a
// code to exchange, and the grants to do in their order. Its line tells "ok" or
// the error for each grant.
import { text } from "node:stream/consumers";

// work does the jobs one after another. connect makes the client of a job: a
// function for each grant it knows, which resolves to a token response.
export async function work(connect) {
  for (const job of JSON.parse(await text(process.stdin))) {
    console.log(JSON.stringify({ id: job.id, grants: await attempt(job, connect) }));
  }
}

async function attempt(job, connect) {
  const outcomes = {};
  let client;
  let tokens = {};
  for (const grant of job.grants) {
    try {
      client ??= await connect(job);
      if (grant === "refresh_token" && !tokens.refresh_token) throw new Error("no refresh token");
      const answer = await client[grant](tokens.refresh_token);
      if (!answer.access_token) throw new Error("no access token");
      tokens = answer;
      outcomes[grant] = "ok";
    } catch (error) {
      outcomes[grant] = describe(error);
    }
  }
  return outcomes;
}

// describe joins what the libraries say in their various places.
function describe(error) {
  const words = [error.name, error.code, error.error, error.message, error.cause?.message];
  return words.filter((word) => typeof word === "string").join(" ");
}
