"""Debian's Django OAuth Toolkit with OpenID Connect, in the smallest Django project.

Its only user logs in at Django's own login page. It prints one line with its address, and
to standard error one line of JSON for every request at an endpoint with client
authentication, in the format of legacyd.
"""
import argparse
import json
import secrets
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse, QueryDict
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from jwcrypto import jwk

flags = argparse.ArgumentParser()
for name in ("listen", "public-url"):
    flags.add_argument(f"--{name}", required=True)
flags.add_argument("--clients", help="JSON file with the clients to know from the start")
options = flags.parse_args()

LOGIN = '<form method="post">{% csrf_token %}{{ form }}<button>log in</button></form>'
OBSERVED = ("/o/token/", "/o/revoke_token/", "/o/introspect/")


def observer(get_response):
    """Print the requests at the endpoints with client authentication."""

    def observe(request):
        if request.path in OBSERVED:
            line = {
                "path": request.path,
                "authorization": "Authorization" in request.headers,
                "parameters": list(QueryDict(request.body)),
            }
            print(json.dumps(line), file=sys.stderr, flush=True)
        return get_response(request)

    return observe


settings.configure(
    SECRET_KEY=secrets.token_hex(),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        f"{__name__}.observer",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN}),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": f"{options.public_url}/o",
        "OIDC_RSA_PRIVATE_KEY": jwk.JWK.generate(kty="RSA", size=2048).export_to_pem(True, None).decode(),
        "SCOPES": {"openid": "OpenID Connect", "read": "Read"},
        "DEFAULT_SCOPES": ["read"],
    },
)
django.setup()


@csrf_exempt
def save(request):
    """Store a client, which cannot register."""
    client = json.loads(request.body)
    store(client)
    return JsonResponse(client)


def store(client):
    """Store a client, named as in RFC 7591 section 2."""
    from oauth2_provider.models import Application

    Application.objects.update_or_create(
        client_id=client["client_id"],
        defaults={
            "client_secret": client["client_secret"],
            "redirect_uris": " ".join(client["redirect_uris"]),
            "client_type": Application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
            "algorithm": Application.RS256_ALGORITHM,
        },
    )


urlpatterns = [
    path("client", save),
    path("accounts/", include("django.contrib.auth.urls")),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]


def fill_database():
    """Create the tables, the user and the clients."""
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    User.objects.create_user("user", password="any")
    if options.clients:
        with open(options.clients) as file:
            for client in json.load(file):
                store(client)


class Silent(WSGIRequestHandler):
    """Write no access log."""

    def log_message(self, *args):
        pass


fill_database()
host, port = options.listen.split(":")
with make_server(host, int(port), get_wsgi_application(), handler_class=Silent) as server:
    print(f"listening on http://{options.listen}", flush=True)
    server.serve_forever()
