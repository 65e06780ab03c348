"""The client programs in Python. The argument is the name of one. It reads jobs from
standard input, logs in as each client, and prints one line of JSON for each job. See
javascript.mjs."""

import json
import os
import sys

# oauthlib and authlib refuse plain http otherwise, even on loopback.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


# Each function below makes the client of a job: a function for each grant, which returns
# a token response.
def authlib(job):
    from authlib.integrations.requests_client import OAuth2Session
    from authlib.oauth2.rfc7523 import PrivateKeyJWT

    key = job.get("private_key")

    def session():
        made = OAuth2Session(
            job["client_id"],
            key["pem"] if key else job["client_secret"],
            token_endpoint_auth_method=job["method"],
            redirect_uri=job["redirect_uri"],
            default_timeout=20,
        )
        if key:
            made.register_client_auth_method(PrivateKeyJWT(audience(job), alg=algorithm(key)))
        return made

    endpoint = job["token_endpoint"]
    return {
        "authorization_code": lambda _: session().fetch_token(
            endpoint,
            grant_type="authorization_code",
            code=job["callback"]["code"],
            code_verifier=job["code_verifier"],
        ),
        "refresh_token": lambda token: session().refresh_token(endpoint, refresh_token=token),
        "client_credentials": lambda _: session().fetch_token(endpoint, grant_type="client_credentials"),
    }


def oauth2cli(job):
    """oauth2cli is the OAuth client of MSAL. MSAL itself knows only Microsoft's servers."""
    from msal.oauth2cli import assertion, oauth2

    # client_secret "triggers HTTP AUTH"; the body is for servers that want it.
    if key := job.get("private_key"):
        creator = assertion.JwtAssertionCreator(key["pem"], algorithm=algorithm(key))
        claims = {"audience": audience(job), "issuer": job["client_id"]}
        # MSAL itself uses the regenerative one, which it sends again until it expires.
        regenerative = job.get("variant") == "regenerative"
        secret = {
            "client_assertion": creator.create_regenerative_assertion(**claims)
            if regenerative
            else lambda: creator.create_normal_assertion(**claims),
            "client_assertion_type": oauth2.BaseClient.CLIENT_ASSERTION_TYPE_JWT,
        }
    elif job["method"] == "client_secret_post":
        secret = {"default_body": {"client_secret": job["client_secret"]}}
    else:
        secret = {"client_secret": job["client_secret"]}
    configuration = {"token_endpoint": job["token_endpoint"]}
    client = oauth2.Client(configuration, job["client_id"], timeout=20, **secret)
    return {
        "authorization_code": lambda _: client.obtain_token_by_authorization_code(
            job["callback"]["code"],
            redirect_uri=job["redirect_uri"],
            data={"code_verifier": job["code_verifier"]},
        ),
        "refresh_token": lambda token: client.obtain_token_by_refresh_token(token),
        "client_credentials": lambda _: client.obtain_token_for_client(),
    }


def requests_oauthlib(job):
    from oauthlib.oauth2 import BackendApplicationClient
    from requests.auth import HTTPBasicAuth
    from requests_oauthlib import OAuth2Session

    endpoint = job["token_endpoint"]
    credentials = {"client_id": job["client_id"], "client_secret": job["client_secret"]}
    # fetch_token uses Basic unless include_client_id puts the client into the form.
    # refresh_token sends its arguments as they are.
    if job["method"] == "client_secret_post":
        fetching = {"include_client_id": True, "client_secret": job["client_secret"]}
        refreshing = credentials
    else:
        fetching = {"client_secret": job["client_secret"]}
        refreshing = {"auth": HTTPBasicAuth(*credentials.values())}

    def session():
        return OAuth2Session(job["client_id"], redirect_uri=job["redirect_uri"])

    def backend():
        return OAuth2Session(client=BackendApplicationClient(job["client_id"]))

    return {
        "authorization_code": lambda _: session().fetch_token(
            endpoint,
            code=job["callback"]["code"],
            code_verifier=job["code_verifier"],
            timeout=20,
            **fetching,
        ),
        "refresh_token": lambda token: session().refresh_token(
            endpoint, refresh_token=token, timeout=20, **refreshing
        ),
        "client_credentials": lambda _: backend().fetch_token(endpoint, timeout=20, **fetching),
    }


def audience(job):
    """The audience is up to the caller of both libraries that sign assertions."""
    return job.get("audience") or job["issuer"]


def algorithm(key):
    """Both of them know Ed25519 by its older name only."""
    return "EdDSA" if key["alg"] == "Ed25519" else key["alg"]


def run(job, connect):
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


clients = {"authlib": authlib, "oauth2cli": oauth2cli, "requests-oauthlib": requests_oauthlib}
for job in json.load(sys.stdin):
    print(json.dumps({"id": job["id"], "grants": run(job, clients[sys.argv[1]])}), flush=True)
