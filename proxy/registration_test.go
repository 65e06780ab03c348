package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// registering is a registration endpoint whose provider answers so, and what
// arrived there.
type registering struct {
	status  int
	header  http.Header
	body    string
	arrived []string
	accept  string // of the last request that arrived
	log     bytes.Buffer
	clients string
}

func (g *registering) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	g.accept = r.Header.Get("Accept")
	g.arrived = append(g.arrived, fmt.Sprintf("%s %s %s", r.Method, r.URL, body))
	return respond(r, g.status, g.header, g.body), err
}

func (g *registering) ask(method, target, contentType, body string) *httptest.ResponseRecorder {
	return g.askOf(g.handler(), method, target, contentType, body)
}

func (g *registering) handler() http.Handler {
	log := slog.NewTextHandler(&g.log, nil)
	return logged(proxy.NewRegistration(proxy.RegistrationConfig{
		Config: proxy.Config{Endpoint: clientauth.Registration, Target: &url.URL{Scheme: "http", Host: "provider.example", Path: "/register"},
			Transport: g, Stall: time.Minute, Metrics: metrics.New(metrics.Build{})},
		ClientConfiguration: g.clients, Log: slog.New(log),
		URLMap: origin.Map{From: []*url.URL{origin.Of("http://provider.example")}, To: origin.Of("https://gw.example")},
	}), log)
}

func (g *registering) askOf(h http.Handler, method, target, contentType, body string) *httptest.ResponseRecorder {
	if g.header == nil {
		g.header = http.Header{"Content-Type": {"application/json"}}
	}
	return serve(h, method, target, body, http.Header{"Content-Type": {contentType}})
}

func TestAuthMethodIsRewrittenAndRestored(t *testing.T) {
	const post = `"token_endpoint_auth_method":"client_secret_post"`
	for _, test := range []struct{ method, sent, arrived, answered, want string }{
		{"POST", `{}`, `{` + post + `}`, `{"client_id":"a",` + post + `}`, `{"client_id":"a","token_endpoint_auth_method":"client_secret_basic"}`},
		{"POST", `{"token_endpoint_auth_method":null}`, `{` + post + `}`, `{"client_id":"a",` + post + `}`, `{"client_id":"a","token_endpoint_auth_method":"client_secret_basic"}`},
		{"PUT", `{"token_endpoint_auth_method":"client_secret_basic","x":1.0}`, `{` + post + `,"x":1.0}`, `{"client_id":"a",` + post + `}`, `{"client_id":"a","token_endpoint_auth_method":"client_secret_basic"}`},
		{"GET", ``, ``, `{"client_id":"a",` + post + `}`, `{"client_id":"a","token_endpoint_auth_method":"client_secret_basic"}`},
		// As asked, and as the provider decided otherwise.
		{"POST", `{ ` + post + ` }`, `{ ` + post + ` }`, `{ "client_id":"a",` + post + ` }`, `{ "client_id":"a",` + post + ` }`},
		{"POST", `{}`, `{` + post + `}`, `{"client_id":"a","token_endpoint_auth_method":"none"}`, `{"client_id":"a","token_endpoint_auth_method":"none"}`},
		{"POST", `{"token_endpoint_auth_method":"none"}`, `{"token_endpoint_auth_method":"none"}`, `{"client_id":"a","token_endpoint_auth_method":"client_secret_post"}`, `{"client_id":"a","token_endpoint_auth_method":"client_secret_post"}`},
		{"POST", `{"token_endpoint_auth_method":"tls_client_auth"}`, `{"token_endpoint_auth_method":"tls_client_auth"}`, `{"client_id":"a"}`, `{"client_id":"a"}`},
		{"POST", `{"token_endpoint_auth_method":["client_secret_basic"]}`, `{"token_endpoint_auth_method":["client_secret_basic"]}`, `{"client_id":"a"}`, `{"client_id":"a"}`},
		// A secret has an expiry, and a place that leads through the gateway.
		{"POST", `{}`, `{` + post + `}`, `{"client_id":"a","client_secret":"s3cret-one"}`, `{"client_id":"a","client_secret":"s3cret-one","client_secret_expires_at":0}`},
		{"POST", `{}`, `{` + post + `}`, `{"client_id":"a","client_secret":"s3cret-one","client_secret_expires_at":9}`, `{"client_id":"a","client_secret":"s3cret-one","client_secret_expires_at":9}`},
		{"POST", `{}`, `{` + post + `}`, `{"client_id":"a","registration_client_uri":"http://provider.example/c/a?x"}`, `{"client_id":"a","registration_client_uri":"https://gw.example/c/a?x"}`},
		{"POST", `{}`, `{` + post + `}`, `{"client_id":"a","registration_client_uri":"https://elsewhere.example/c/a"}`, `{"client_id":"a","registration_client_uri":"https://elsewhere.example/c/a"}`},
		// What is no client information passes.
		{"POST", `{}`, `{` + post + `}`, `{` + post + `,"client_secret":"s3cret-one"}`, `{` + post + `,"client_secret":"s3cret-one"}`},
		{"POST", `{}`, `{` + post + `}`, `["a"]`, `["a"]`},
		{"POST", `{}`, `{` + post + `}`, `{"client_id":"a",` + post + `,"client_id":"b"}`, `{"client_id":"a",` + post + `,"client_id":"b"}`},
	} {
		g := &registering{status: 201, body: test.answered}
		w := g.ask(test.method, "/register", "application/json; charset=utf-8", test.sent)
		if want := strings.TrimSpace(test.method + " http://provider.example/register " + test.arrived); strings.TrimSpace(strings.Join(g.arrived, "|")) != want {
			t.Errorf("%s: the provider received %q, want %q", test.sent, g.arrived, want)
		}
		if w.Code != 201 || w.Body.String() != test.want || w.Header().Get("Content-Length") != fmt.Sprint(len(test.want)) {
			t.Errorf("%s answered with %s: got %d %v %s", test.sent, test.answered, w.Code, w.Header(), w.Body)
		}
		if strings.Contains(g.log.String(), "s3cret") {
			t.Errorf("the log has the secret: %s", g.log.String())
		}
	}
}

func TestA163RegistrationResponsesThatCannotBeRead(t *testing.T) {
	for _, test := range []struct {
		method  string
		status  int
		body    string
		outcome string
	}{
		{"POST", 201, "<client/>", "unclear"}, {"POST", 201, "\ufeff\ufeff{}", "unclear"}, {"POST", 201, "", "unclear"}, {"GET", 200, "<client/>", "unclear"},
		{"POST", 201, "{}", "accepted"}, {"DELETE", 204, "", "accepted"}, {"POST", 400, "<error/>", "rejected"},
	} {
		g := &registering{status: test.status, body: test.body, header: http.Header{"Content-Type": {"text/plain"}}}
		g.ask(test.method, "/register", "application/json", "{}")
		if !strings.Contains(g.log.String(), "outcome="+test.outcome+" ") {
			t.Errorf("%s, %d, %q: logged %s, want %s", test.method, test.status, test.body, g.log.String(), test.outcome)
		}
	}
}

// Only a success that is JSON is opened; of what was changed no validator stays.
func TestRepliesToARegistration(t *testing.T) {
	const body = `{"client_id":"a","client_secret":"s3cret-one"}`
	for _, test := range []struct {
		status  int
		kind    string
		outcome string
		want    int
		changed bool
	}{
		{200, "application/json", "accepted", 201, true},
		{200, "text/plain", "accepted", 201, true},
		{201, "application/vnd.x+json; charset=utf-8", "accepted", 201, true},
		{201, "Application/JSON", "accepted", 201, true},
		{201, "application/x-json", "accepted", 201, false},
		{400, "application/json", "rejected", 400, false},
		{401, "application/json", "rejected", 401, false},
		{500, "application/json", "failed", 500, false},
		{302, "application/json", "failed", 502, false},
	} {
		g := &registering{status: test.status, body: body, header: http.Header{"Content-Type": {test.kind}, "Etag": {`"x"`}, "Digest": {"x"}, "Access-Control-Allow-Origin": {"*"}}}
		w := g.ask("POST", "/register", "application/json", "{}")
		if w.Code != test.want || strings.Contains(w.Body.String(), "expires_at") != test.changed || w.Header().Get("Www-Authenticate") != "" ||
			test.want != 502 && (w.Header().Get("Etag") == "" && w.Header().Get("Digest") == "") != test.changed {
			t.Errorf("%d %s: got %d %v %s", test.status, test.kind, w.Code, w.Header(), w.Body)
		}
		if !strings.Contains(g.log.String(), "outcome="+test.outcome) {
			t.Errorf("%d %s: logged %s", test.status, test.kind, g.log.String())
		}
	}
}

func TestInvalidRegistrations(t *testing.T) {
	for body, want := range map[string]int{
		"":                   400,
		"[]":                 400,
		`{"a":1`:             400,
		`{"a":1,"a":1}`:      400,
		`{"a":1,"\u0061":1}`: 400,
		`{"a":1}{}`:          400,
		`{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`: 400,
		strings.Repeat(" ", 64<<10+1):                                           413,
	} {
		g := &registering{status: 201}
		w := g.ask("POST", "/register", "application/json", body)
		if w.Code != want || len(g.arrived) != 0 || !strings.Contains(w.Body.String(), `"error":"invalid_`) {
			t.Errorf("%.20q: got %d %s", body, w.Code, w.Body)
		}
	}
	for _, kind := range []string{"", "application/x-www-form-urlencoded", "text/json", "application/vnd.x+json", "application/json; charset=UTF-8", "application/json; charset=us-ascii", "application/json; charset=utf8"} {
		g := &registering{status: 201}
		if g.ask("POST", "/register", kind, `{"a":1}`); len(g.arrived) != 1 || !strings.Contains(g.arrived[0], "client_secret_post") {
			t.Errorf("%q: the provider received %q", kind, g.arrived)
		}
	}
}

// A body that is not a JSON object passes only as what its media type says: some readers
// ignore the type, comments, or what stands around an object.
func TestA198RegistrationsThatAreNotJSON(t *testing.T) {
	const object = `{"client_id":"admin","client_secret":"x"}`
	for _, test := range []struct {
		kind, body string
		passes     bool
	}{
		{"application/x-www-form-urlencoded", "redirect_uris[]=https%3A%2F%2Fa&client_name=", true},
		{"application/jwt", "eyJh.eyJi.c-_9", true},
		{"application/registration+jwt", "eyJh.eyJi.", true},
		{"text/plain", "", true},
		{"", "", true},
		{"text/plain", "/**/" + object, false},
		{"", "/**/" + object, false},
		{"text/plain", "\f" + object, false},
		{"text/plain", "\u00a0" + object, false},
		{"application/octet-stream", "[" + object + "]", false},
		{"text/plain", "//\n" + object, false},
		{"text/plain", "client_name=a", false},
		{"", "client_name=a", false},
		{"multipart/form-data; boundary=b", "--b\r\n\r\n" + object + "\r\n--b--", false},
		{"application/x-www-form-urlencoded", "/**/" + object, false},
		{"application/x-www-form-urlencoded", "[" + object + "]=", false},
		{"application/jwt", "/**/" + object, false},
		{"application/jwt", "[" + object + "]", false},
	} {
		for _, method := range []string{"POST", "PUT"} {
			g := &registering{status: 200}
			w := g.ask(method, "/register", test.kind, test.body)
			passed := len(g.arrived) == 1 && strings.HasSuffix(g.arrived[0], "/register "+test.body)
			if passed != test.passes || !passed && (w.Code != 400 || !strings.Contains(w.Body.String(), `"error":"invalid_client_metadata"`)) {
				t.Errorf("%s %s as %q: got %d %s, the provider received %q", method, test.body, test.kind, w.Code, w.Body, g.arrived)
			}
		}
	}
}

// What some reader takes for other metadata than the gateway does is not sent on, under
// any media type.
func TestA192RegistrationsReadDifferently(t *testing.T) {
	const names, encoding, metadata, mediaType = "must be ASCII", "encoded in UTF-8", "one JSON object", "Content-Type header field"
	for _, test := range []struct{ kind, body, want string }{
		{"application/json", `{"Token_Endpoint_Auth_Method":"none"}`, names},
		{"application/json", `{"token_endpoint_auth_method":"none","TOKEN_endpoint_auth_method":"client_secret_basic"}`, names},
		{"application/json", `{"redirect_uris":["https://a.example/"],"Redirect_Uris":["https://evil.example/"]}`, names},
		{"application/json", `{"to\u212Aen_endpoint_auth_method":"none"}`, names},
		{"application/json", `{"toKen_endpoint_auth_method":"none"}`, names},
		{"application/json", `{"redirect_uri\u017f":[],"redirect_uris":[]}`, names},
		{"application/json", `{"token_endpoint_auth_method\u0000":"none"}`, names},
		{"application/json", `{"redirect_uris\u0000x":[]}`, names},
		{"application/json", `{"redirect_uris\u007f":[]}`, names},
		{"application/json", `{"redirect_uris\ud800":[]}`, names},
		{"application/json", `{"tokenEndpointAuthMethod":"none"}`, names},
		{"text/plain", `{"token-endpoint-auth-method":"none"}`, names},
		{"application/json", `{"Token Endpoint Auth Method":"none"}`, names},
		{"application/json", `{"token_endpoint_auth_method ":"none"}`, names},
		{"application/json; charset=utf-16", `{}`, encoding},
		{"application/json; charset=\"UTF-7\"", `{}`, encoding},
		{"application/json; charset=iso-8859-1", `{}`, encoding},
		{"text/plain; charset=utf-16le", `{}`, encoding},
		{"application/json", "\ufeff{}", encoding},
		{"text/json", "\ufeff{}", encoding},
		{"", "\ufeff{}", encoding},
		{"text/json", "{\x00}\x00", encoding},
		{"text/plain", "\x00{\x00}", encoding},
		{"application/json", "\xff\xfe{\x00}\x00", encoding},
		{"application/json", "{\"client_name\":\"\xe9\"}", encoding},
		{"application/json", "{\"client_name\":\"\xc0\x80\"}", encoding},
		{"application/scim+json", `[]`, metadata},
		{"text/json", `/**/{}`, metadata},
		{"application/json", `{"a":1,}`, metadata},
		{"application/json; charset=utf-8; charset=utf-16", `{}`, mediaType},
		{"application/json; charset", `{}`, mediaType},
		{"application/json, text/plain", `{}`, mediaType},
	} {
		for _, method := range []string{"POST", "PUT"} {
			g := &registering{status: 201}
			w := g.ask(method, "/register", test.kind, test.body)
			if w.Code != 400 || len(g.arrived) != 0 || !strings.Contains(w.Body.String(), test.want) ||
				test.want != mediaType && !strings.Contains(w.Body.String(), `"error":"invalid_client_metadata"`) {
				t.Errorf("%s %q as %q: got %d %s, and the provider received %q", method, test.body, test.kind, w.Code, w.Body, g.arrived)
			}
		}
	}
	g := &registering{status: 201}
	g.ask("POST", "/register", "application/json", `{"client_name#ja":"\u0000é","jwks":{"A":1,"a":2,"A":3}}`)
	if len(g.arrived) != 1 || !strings.HasSuffix(g.arrived[0], ` {"client_name#ja":"\u0000é","jwks":{"A":1,"a":2,"A":3},"token_endpoint_auth_method":"client_secret_post"}`) {
		t.Errorf("values are not the gateway's to judge: the provider received %q", g.arrived)
	}
}

// TestClientConfiguration checks that the path of a client is sent as it was received.
func TestClientConfiguration(t *testing.T) {
	g := &registering{status: 200, body: `{"client_id":"x"}`}
	g.ask("GET", "/clients/x%2Fy?a=b", "application/json", "")
	if len(g.arrived) != 1 || g.arrived[0] != "GET http://provider.example/clients/x%2Fy?a=b " {
		t.Errorf("the provider received %q", g.arrived)
	}
}

// A registration whose place is not fronted is worth one log line, which names the
// path to configure and neither the client nor its token.
func TestA133PlaceThatIsNotConfigured(t *testing.T) {
	const here = "http://provider.example"
	for _, test := range []struct {
		method     string
		status     int
		uri, token string
		configured string
		logged     string
	}{
		{"POST", 201, here + "/oauth2/clients/app-id", "t0ken-value", "", "/oauth2/clients"},
		{"POST", 201, here + "/clients/app-id/?x=y", "t0ken-value", "/elsewhere", "/clients"},
		{"POST", 201, here + "/oauth2/clients/app-id", "t0ken-value", "/oauth2/clients", ""},
		{"POST", 201, here + "/register/app-id", "t0ken-value", "", ""},
		{"PUT", 201, here + "/oauth2/clients/app-id", "t0ken-value", "", ""},
		{"POST", 201, here + "/oauth2/clients/app-id", "", "", ""},
		{"POST", 201, here + "/oauth2/t0ken-value/app-id", "t0ken-value", "", ""},
		{"POST", 201, here + "/oauth2/clients/another", "t0ken-value", "", ""},
		{"POST", 201, here + "/app-id", "t0ken-value", "", ""},
		{"POST", 201, "https://elsewhere.example/clients/app-id", "t0ken-value", "", ""},
		{"POST", 201, "", "t0ken-value", "", ""},
	} {
		g := &registering{status: test.status, clients: test.configured,
			body: fmt.Sprintf(`{"client_id":"app-id","registration_access_token":%q,"registration_client_uri":%q}`, test.token, test.uri)}
		h := g.handler()
		for range 2 {
			g.askOf(h, test.method, "/register", "application/json", "{}")
		}
		log := g.log.String()
		want := 0
		if test.logged != "" {
			want = 1
		}
		if strings.Count(log, "key=registration.client_configuration path="+test.logged+"\n") != want || strings.Count(log, "not translated") != want {
			t.Errorf("%s %d %s: logged %s", test.method, test.status, test.uri, log)
		}
		if strings.Contains(log, "app-id") || strings.Contains(log, "t0ken") {
			t.Errorf("the log names the client or its token: %s", log)
		}
	}
}

// Of a registration and of an update arrives what the client may say.
func TestA133ServerOnlyMembers(t *testing.T) {
	const sent = `{"client_id":"a","client_secret":"s3cret","client_id_issued_at":1,"client_secret_expires_at":2,"registration_access_token":"t","REGISTRATION_client_uri":"u","registrationClientUri":"u","\tregistration client.uri":"u","client_\u017fecret_expires_at":3,` +
		`"software_statement":"x.y.","client_name":"n","token_endpoint_auth_method":%s}`
	for _, asked := range []string{`"client_secret_post"`, `"none"`, `"private_key_jwt"`, `"other"`, `["x"]`} {
		for method, want := range map[string]string{
			"POST": `{"software_statement":"x.y.","client_name":"n","token_endpoint_auth_method":` + asked + `}`,
			"PUT":  `{"client_id":"a","client_secret":"s3cret","software_statement":"x.y.","client_name":"n","token_endpoint_auth_method":` + asked + `}`,
		} {
			for _, kind := range []string{"application/json", "text/plain", ""} {
				g := &registering{status: 200}
				g.ask(method, "/register", kind, fmt.Sprintf(sent, asked))
				if len(g.arrived) != 1 || !strings.HasSuffix(g.arrived[0], "/register "+want) {
					t.Errorf("%s as %q: the provider received %s", method, kind, g.arrived)
				}
			}
		}
	}
}
