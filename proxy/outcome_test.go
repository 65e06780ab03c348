package proxy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/state"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// guessing sends 13 wrong secrets to an endpoint that limits failures to 10 and whose provider
// responds so. It returns the statuses and the log.
func guessing(t *testing.T, endpoint clientauth.Endpoint, status int, mediaType, body string) (statuses []int, log string) {
	t.Helper()
	header := http.Header{}
	if mediaType != "" {
		header.Set("Content-Type", mediaType)
	}
	f := &front{metrics: metrics.New(metrics.Build{}), log: discard()}
	h := newHandler(t, "http://provider.example", f, at(endpoint), limiting(10, 100), over(func(r *http.Request) (*http.Response, error) {
		return respond(r, status, header.Clone(), body), nil
	}))
	for range 13 {
		statuses = append(statuses, serve(h, "POST", "/oauth2/tokens", guess, ofForm()).Code)
	}
	return statuses, f.log.String()
}

// At Twitch and HubSpot a rejected refresh token cannot be told from a wrong secret. Ten of
// them must not lock out a client whose secret is known to be right.
func TestA169UnreadableErrorsOfARightSecret(t *testing.T) {
	const dead, alive = "&refresh_token=dead", "&refresh_token=alive"
	unreadable := func(form string) (int, string) {
		if strings.Contains(form, "s3cret-one") && strings.Contains(form, "alive") {
			return 200, tokenAnswer
		}
		return 400, `{"status":400,"message":"Invalid"}`
	}
	rejected := func(string) (int, string) { return 400, `{"error":"invalid_client"}` }
	for name, test := range map[string]struct {
		before string // with a rejection behind it if reject is true
		reject bool
		form   string
		last   int
	}{
		"a known secret":             {right + alive, false, right + dead, 400},
		"another secret":             {right + alive, false, guess + dead, 429},
		"the same secret for an id":  {right + alive, false, strings.Replace(right, "app", "app2", 1) + dead, 429},
		"another cut of the pair":    {right + alive, false, strings.Replace(right, "client_id=app&client_secret=s", "client_id=apps&client_secret=", 1) + dead, 429},
		"a secret without a success": {right + dead, false, right + dead, 429},
		"a secret rejected since":    {right + alive, true, right + dead, 429},
	} {
		g := newGuarded(t, limiting(5, 100))
		g.answer = unreadable
		g.from(client, test.before)
		if test.reject {
			g.answer = rejected
			g.from(client, test.before)
			g.answer = unreadable
		}
		last := 0
		for range 20 {
			last = g.from(stranger, test.form).Code
		}
		if last != test.last {
			t.Errorf("%s: the last response is %d", name, last)
		}
		if log := g.log.String(); test.last == 400 && strings.Count(log, `"outcome":"unclear"`) != 20 || strings.Contains(log, "s3cret") {
			t.Errorf("%s: logged\n%s", name, log)
		}
	}
}

// A provider that looks at no secret at revocation must not make a guess known.
func TestA169OnlyATokenMakesASecretKnown(t *testing.T) {
	shared := authlimit.New(authlimit.Config{Burst: 5, Interval: time.Hour}, state.NewMemory())
	sharing := func(c *proxy.Config) { c.Failures = shared }
	revocation, token := newGuarded(t, sharing, at(clientauth.Revocation)), newGuarded(t, sharing)
	revocation.answer = func(string) (int, string) { return 200, "" }
	token.answer = func(string) (int, string) { return 401, "<p>wrong" }
	last := 0
	for range 10 {
		revocation.from(stranger, guess)
		last = token.from(stranger, guess).Code
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the last response is %d", last)
	}
}

// TestA163A167A168A195OutcomesOfResponses checks that a response is accepted only if it can be
// read, at each endpoint by its standard, and that a response which may reject a secret counts.
func TestA163A167A168A195OutcomesOfResponses(t *testing.T) {
	const token, revocation, introspection = clientauth.Token, clientauth.Revocation, clientauth.Introspection
	for _, test := range []struct {
		endpoint        clientauth.Endpoint
		status          int
		mediaType, body string
		outcome         string
	}{
		{token, 401, "", "\ufeff" + `{"error":"invalid_client"}`, "rejected"},
		{token, 401, "", "\ufeff\ufeff" + `{"error":"invalid_client"}`, "unclear"},
		{token, 401, "application/jwt", "\ufeff" + `{"error":"invalid_client"}`, "unclear"},
		{token, 401, "", "<error>invalid_client</error>", "unclear"},
		{token, 400, "", "error=invalid_client", "unclear"},
		{token, 401, "", "/**/ typeof f === 'function' && f(" + `{"error":"invalid_client"}` + ");", "unclear"},
		{token, 403, "", "<html>Forbidden</html>", "unclear"},
		{token, 401, "", "", "unclear"},
		{token, 400, "", `{"error":"invalid_grant","error":"invalid_client"}`, "unclear"},
		{token, 400, "", `{"message":"wrong"}`, "unclear"},
		{token, 401, "", `{"error":{"code":"invalid_client"}}`, "unclear"},
		{token, 403, "", `{"error":"invalid_client"}`, "rejected"},
		{token, 401, "", `{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}`, "unclear"}, // Keycloak
		{token, 401, "", `{"error":"access_denied","error_description":"Unauthorized"}`, "unclear"},                                       // Auth0
		{token, 401, "", `{"status":401,"error":"Unauthorized","path":"/oauth2/token"}`, "unclear"},                                       // Spring Boot
		{token, 403, "", `{"message":"wrong secret","error":"Forbidden","statusCode":403}`, "unclear"},                                    // NestJS
		{token, 400, "", `{"error":"Bad Request"}`, "unclear"},
		{token, 401, "", `{"error":"INVALID_CLIENT"}`, "unclear"},
		{token, 401, "", `{"error":"invalid_client "}`, "unclear"},
		{token, 400, "", `{"error":"Invalid Client"}`, "unclear"},
		{token, 400, "", `{"error":"INVALID_GRANT"}`, "unclear"},
		{token, 400, "", `{"error":"bad_credentials"}`, "unclear"},
		{token, 401, "", `{"error":"invalid_client_secret"}`, "unclear"},
		{token, 200, "application/json", `{"access_token":"x","error":null}`, "accepted"},
		{token, 200, "text/html", `{"access_token":"x"}`, "accepted"},
		{token, 400, "application/json", `{"error":"invalid_grant"}`, "accepted"},
		{token, 403, "application/json", `{"error":"access_denied"}`, "accepted"},
		{token, 400, "application/json", `{"error":"unauthorized_client"}`, "accepted"},
		{token, 401, "application/json", `{"error":"invalid_token"}`, "accepted"},
		{token, 400, "application/json", `{"error":"authorization_pending"}`, "accepted"},
		{token, 400, "application/json", `{"error":"use_dpop_nonce"}`, "accepted"},
		{token, 403, "application/json", `{"error":"mfa_required"}`, "accepted"},
		{token, 429, "application/json", `{"error":"Too Many Requests"}`, "unclear"},
		{token, 429, "application/json", `{"error":"slow_down"}`, "accepted"},
		{token, 200, "application/x-www-form-urlencoded", "access_token=x", "unclear"},
		{token, 200, "application/xml", "<token/>", "unclear"},
		{token, 200, "text/javascript", "f({})", "unclear"},
		{token, 200, "application/json", `["x"]`, "unclear"},
		{token, 200, "application/json", `{"body":{"error":"invalid_client"},"status":401,"headers":{}}`, "unclear"}, // A168
		{token, 200, "application/json", `{"access_token":null}`, "unclear"},
		{introspection, 200, "application/json", `{"body":{"error":"invalid_client"},"status":401}`, "unclear"},
		{clientauth.PushedAuthorizationRequest, 201, "application/json", `{"request_uri":"urn:x"}`, "accepted"},
		{clientauth.PushedAuthorizationRequest, 200, "application/json", `{"status":401}`, "unclear"},
		{clientauth.DeviceAuthorization, 200, "application/json", `{"device_code":"x"}`, "accepted"},
		{clientauth.DeviceAuthorization, 200, "application/json", `{"status":401}`, "unclear"},
		{clientauth.BackchannelAuthentication, 200, "application/json", `{"auth_req_id":"x"}`, "accepted"},
		{clientauth.BackchannelAuthentication, 200, "application/json", `{"status":401}`, "unclear"},
		{token, 200, "application/json", `{"error":"invalid_client"}`, "unclear"},
		{token, 200, "application/json", `{"error":{"code":1}}`, "unclear"},
		{token, 200, "", "", "unclear"},
		{token, 404, "text/html", "<p>not found", "unclear"},
		{token, 406, "", "", "unclear"},
		{token, 404, "application/json", `{"error":"invalid_client"}`, "unclear"},
		{token, 503, "text/html", "<p>busy", "failed"},
		{token, 302, "text/html", "", "failed"},
		{revocation, 200, "", "", "accepted"},
		{revocation, 204, "", "", "accepted"},
		{revocation, 200, "application/json", "{}", "accepted"},
		{revocation, 200, "text/plain", "invalid_client", "unclear"},
		{introspection, 200, "application/json", `{"active":false}`, "accepted"},
		{introspection, 200, "Application/Token-Introspection+JWT", "a.b.c", "accepted"},
		{introspection, 200, "application/jwt", "a.b.c", "accepted"}, // A195
		{introspection, 401, "application/jwt", "a.b.c", "unclear"},
		{introspection, 200, "application/jose", "a.b.c", "unclear"},
		{token, 200, "application/jwt", "a.b.c", "unclear"},
		{introspection, 401, "application/token-introspection+jwt", "a.b.c", "unclear"},
		{token, 200, "application/token-introspection+jwt", "a.b.c", "unclear"},
	} {
		statuses, log := guessing(t, test.endpoint, test.status, test.mediaType, test.body)
		if n := strings.Count(log, `"outcome":"`+test.outcome+`"`); n != 10 && n != 13 {
			t.Errorf("%s, %d %s %s: want %s, logged %s", test.endpoint, test.status, test.mediaType, test.body, test.outcome, log)
		}
		rejects := test.status == 400 || test.status == 401 || test.status == 403
		if limited := statuses[12] == http.StatusTooManyRequests && statuses[9] != statuses[12]; limited != (rejects && test.outcome != "accepted") {
			t.Errorf("%s, %d %s: got %v", test.endpoint, test.status, test.body, statuses)
		}
	}
}
