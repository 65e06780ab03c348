from jobs import work

from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session


def connect(job):
    endpoint = job["token_endpoint"]
    credentials = {"client_id": job["client_id"], "client_secret": job["client_secret"]}
    # fetch_token uses Basic unless it is told to put the client into the form;
    # refresh_token takes what it is given.
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


work(connect)
