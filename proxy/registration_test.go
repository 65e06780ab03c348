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
	log     bytes.Buffer
	clients *proxy.ClientConfiguration
}

func (g *registering) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	g.arrived = append(g.arrived, fmt.Sprintf("%s %s %s", r.Method, r.URL, body))
	return &http.Response{StatusCode: g.status, Header: g.header, Body: io.NopCloser(strings.NewReader(g.body)), Request: r}, err
}

func (g *registering) ask(method, target, contentType, body string) *httptest.ResponseRecorder {
	if g.header == nil {
		g.header = http.Header{"Content-Type": {"application/json"}}
	}
	if g.clients == nil {
		g.clients = proxy.NewClientConfiguration()
	}
	h := proxy.NewRegistration(proxy.RegistrationConfig{
		Config: proxy.Config{Endpoint: clientauth.Registration, Target: &url.URL{Scheme: "http", Host: "provider.example", Path: "/register"},
			Transport: g, Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.NewTextHandler(&g.log, nil))},
		Clients: g.clients,
		Way:     origin.Map{From: []*url.URL{origin.Of("http://provider.example")}, To: origin.Of("https://gw.example")},
	})
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestMethodIsRestatedAndToldBack(t *testing.T) {
	const post = `"token_endpoint_auth_method":"client_secret_post"`
	for _, test := range []struct{ method, sent, arrived, answered, told string }{
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
		if w.Code != 201 || w.Body.String() != test.told || w.Header().Get("Content-Length") != fmt.Sprint(len(test.told)) {
			t.Errorf("%s answered with %s: got %d %v %s", test.sent, test.answered, w.Code, w.Header(), w.Body)
		}
		if strings.Contains(g.log.String(), "s3cret") {
			t.Errorf("the log tells the secret: %s", g.log.String())
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
		{200, "application/json", "accepted", 200, true},
		{200, "text/plain", "accepted", 200, false},
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

func TestRegistrationsThatAreNotSentOn(t *testing.T) {
	for body, want := range map[string]int{
		"":                            400,
		"[]":                          400,
		`{"a":1`:                      400,
		`{"a":1,"a":1}`:               400,
		`{"a":1}{}`:                   400,
		strings.Repeat(" ", 64<<10+1): 413,
	} {
		g := &registering{status: 201}
		w := g.ask("POST", "/register", "application/json", body)
		if w.Code != want || len(g.arrived) != 0 || !strings.Contains(w.Body.String(), `"error":"invalid_`) {
			t.Errorf("%.20q: got %d %s", body, w.Code, w.Body)
		}
	}
	for kind, want := range map[string]string{"": "post", "application/x-www-form-urlencoded": "post", "text/json": "post", "application/json; charset": "post"} {
		g := &registering{status: 201}
		if g.ask("POST", "/register", kind, `{"a":1}`); len(g.arrived) != 1 || !strings.Contains(g.arrived[0], "client_secret_"+want) {
			t.Errorf("%q: the provider received %q", kind, g.arrived)
		}
	}
	g := &registering{status: 400}
	if g.ask("POST", "/register", "text/plain", "s3cret-one"); len(g.arrived) != 1 || !strings.HasSuffix(g.arrived[0], " s3cret-one") {
		t.Errorf("what is not JSON is not the gateway's to judge: %q", g.arrived)
	}
}

// Where clients manage their registration is known from what the provider
// tells those who register.
func TestClientConfigurationIsLearnt(t *testing.T) {
	for uri, want := range map[string]string{
		"http://provider.example/oauth2/clients/a":    "/oauth2/clients/",
		"http://provider.example/clients/a/":          "/clients/",
		"http://provider.example/clients/a?x=y":       "/clients/",
		"/clients/a":                                  "",
		"https://elsewhere.example/clients/a":         "",
		"http://provider.example/a":                   "",
		"http://provider.example/clients?client_id=a": "",
		"http://provider.example/clients/b":           "",
		"http://provider.example/clients/%zz/a":       "",
		"":                                            "",
	} {
		g := &registering{status: 201, body: `{"client_id":"a","registration_client_uri":"` + uri + `"}`}
		g.ask("POST", "/register", "application/json", "{}")
		if leads := g.clients.Leads(want + "b"); want != "" && !leads {
			t.Errorf("%s: %sb is not known", uri, want)
		}
		for _, path := range []string{"/", "/b", strings.TrimSuffix(want, "/"), "/oauth2/tokens"} {
			if g.clients.Leads(path) {
				t.Errorf("%s: %s is taken for a client's", uri, path)
			}
		}
	}
	echoing := &registering{status: 200, body: `{"client_id":"a","registration_client_uri":"http://provider.example/oauth2/a"}`}
	if echoing.ask("PUT", "/register/a", "application/json", "{}"); echoing.clients.Leads("/oauth2/authorize") {
		t.Error("a place was learnt from what may be the client's own words")
	}
	heir := proxy.NewClientConfiguration()
	if heir.Inherit(proxy.NewClientConfiguration("/clients")); !heir.Leads("/clients/a") {
		t.Error("what is inherited is not known")
	}
	known := proxy.NewClientConfiguration("/clients", "/", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/beyond")
	if !known.Leads("//clients/./x") || !known.Leads("/h/x") || known.Leads("/beyond/x") || known.Leads("/clients/../x") || known.Leads("/clients/x/stream") {
		t.Error("what is configured is not known, or more than that")
	}
	g := &registering{status: 200, body: `{"client_id":"x"}`}
	g.ask("GET", "/clients/x%2Fy?a=b", "application/json", "")
	if len(g.arrived) != 1 || g.arrived[0] != "GET http://provider.example/clients/x%2Fy?a=b " {
		t.Errorf("the provider received %q", g.arrived)
	}
}
