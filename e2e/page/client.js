// An OAuth client that is a web page and has only the browser's fetch. The test calls each
// function in the page.
import * as oauth from "oauth4webapi";

// The gateway of the tests is on loopback, without TLS.
const plaintext = { [oauth.allowInsecureRequests]: true };
const redirectURI = `${location.origin}/`;

export async function discover(origin) {
  const issuer = new URL(origin);
  const response = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...plaintext });
  return oauth.processDiscoveryResponse(issuer, response);
}

// register registers the page and returns the registration.
export async function register(as) {
  const response = await oauth.dynamicClientRegistrationRequest(as, { redirect_uris: [redirectURI] }, plaintext);
  return oauth.processDynamicClientRegistrationResponse(response);
}

// leave sends the browser to the consent page. sessionStorage holds the login, because the
// page ends here.
export async function leave(as, client) {
  const login = { as, client, state: oauth.generateRandomState(), verifier: oauth.generateRandomCodeVerifier() };
  sessionStorage.setItem("login", JSON.stringify(login));
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirectURI,
    state: login.state,
    code_challenge: await oauth.calculatePKCECodeChallenge(login.verifier),
    code_challenge_method: "S256",
  });
  location.assign(url);
}

// redeem exchanges the code in the page's URL for tokens, with the secret of the
// registration or with another one.
export async function redeem(secret) {
  const { as, client, state, verifier } = JSON.parse(sessionStorage.getItem("login"));
  const callback = oauth.validateAuthResponse(as, client, new URL(location.href), state);
  const authentication = oauth.ClientSecretBasic(secret ?? client.client_secret);
  const response = await oauth.authorizationCodeGrantRequest(
    as, client, authentication, callback, redirectURI, verifier, plaintext,
  );
  return result(response, (answer) => oauth.processAuthorizationCodeResponse(as, client, answer));
}

// result returns what the page can read of a response, and the library's tokens or the
// name of its error.
async function result(response, process) {
  const answer = {
    status: response.status,
    challenge: response.headers.get("www-authenticate"),
    body: await response.clone().json(),
  };
  return process(response).then(
    (tokens) => ({ ...answer, tokens }),
    (error) => ({ ...answer, refused: error.name, challenges: error.cause }),
  );
}
