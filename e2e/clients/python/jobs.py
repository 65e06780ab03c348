"""What every client of Python does: read jobs from standard input, log in as
each of them, and print one line of JSON for each. See ../jobs.mjs."""

import json
import os
import sys

# oauthlib and authlib refuse plain http otherwise, even on loopback.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


def work(connect):
    """Does the jobs one after another. connect makes the client of a job: a
    function for each grant it knows, which returns a token response."""
    for job in json.load(sys.stdin):
        print(json.dumps({"id": job["id"], "grants": attempt(job, connect)}), flush=True)


def attempt(job, connect):
    outcomes = {}
    client = None
    tokens = {}
    for grant in job["grants"]:
        try:
            client = client or connect(job)
            if grant == "refresh_token" and not tokens.get("refresh_token"):
                raise RuntimeError("no refresh token")
            answer = client[grant](tokens.get("refresh_token"))
            if not answer.get("access_token"):
                raise RuntimeError(json.dumps(answer))
            tokens = answer
            outcomes[grant] = "ok"
        except Exception as error:
            outcomes[grant] = f"{type(error).__name__} {error}"
    return outcomes
