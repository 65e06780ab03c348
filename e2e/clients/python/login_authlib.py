from jobs import work

from authlib.integrations.requests_client import OAuth2Session


def connect(job):
    def session():
        return OAuth2Session(
            job["client_id"],
            job["client_secret"],
            token_endpoint_auth_method=job["method"],
            redirect_uri=job["redirect_uri"],
            default_timeout=20,
        )

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


work(connect)
