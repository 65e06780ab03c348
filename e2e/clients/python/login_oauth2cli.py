"""oauth2cli is what MSAL speaks OAuth with. MSAL itself knows only Microsoft's
servers."""

from jobs import work

from msal.oauth2cli import oauth2


def connect(job):
    # client_secret "triggers HTTP AUTH"; the body is for servers that want it.
    if job["method"] == "client_secret_post":
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


work(connect)
