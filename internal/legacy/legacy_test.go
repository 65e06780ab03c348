package legacy_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"oauthgw/internal/legacy"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	publicURL   = "https://provider.example"
	redirectURI = "https://client.example/callback"
	// The verifier and its challenge are those of RFC 7636 appendix B.
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	formType  = "application/x-www-form-urlencoded"
)

// provider is a provider with the requests that it observed.
type provider struct {
	*legacy.Provider
	observed []legacy.Observation
}

// client is a registered client.
type client struct {
	ID                string `json:"client_id"`
	Secret            string `json:"client_secret"`
	RegistrationToken string `json:"registration_access_token"`
}

type response struct {
	status  int
	header  http.Header
	body    string
	members map[string]any // nil: not a JSON object
}

func (r response) text(name string) string {
	text, _ := r.members[name].(string)
	return text
}

func newProvider(config legacy.Config) *provider {
	p := &provider{}
	config.PublicURL = publicURL
	config.Observe = func(o legacy.Observation) { p.observed = append(p.observed, o) }
	p.Provider = legacy.New(config)
	return p
}

// do serves a request with headers given as alternating names and values.
func (p *provider) do(method, target, body string, header ...string) response {
	r := httptest.NewRequest(method, publicURL, strings.NewReader(body))
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	answer := response{status: w.Code, header: w.Header(), body: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &answer.members) // a page has no members
	return answer
}

func (p *provider) post(target string, form url.Values) response {
	return p.do("POST", target, form.Encode(), "Content-Type", formType)
}

func (p *provider) register(t *testing.T, redirectURIs ...string) client {
	t.Helper()
	if redirectURIs == nil {
		redirectURIs = []string{redirectURI}
	}
	request, _ := json.Marshal(map[string]any{"redirect_uris": redirectURIs})
	r := p.do("POST", "/oauth2/register", string(request))
	var c client
	if err := json.Unmarshal([]byte(r.body), &c); err != nil || r.status != 201 {
		t.Fatalf("registration: %d %s", r.status, r.body)
	}
	return c
}

// authorization returns an authorization request with changes.
func authorization(c client, changes url.Values) url.Values {
	return changed(url.Values{
		"response_type": {"code"}, "client_id": {c.ID}, "redirect_uri": {redirectURI}, "state": {"a b&c"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}, changes)
}

// code returns the code of an authorization request that the user allows.
func (p *provider) code(t *testing.T, c client, changes url.Values) string {
	t.Helper()
	r := p.post("/oauth2/authorize?"+authorization(c, changes).Encode(), url.Values{"decision": {"allow"}})
	location, err := url.Parse(r.header.Get("Location"))
	if err != nil || r.status != 302 || location.Query().Get("state") != "a b&c" || location.Query().Get("code") == "" {
		t.Fatalf("authorization: %d %s to %s", r.status, r.body, location)
	}
	return location.Query().Get("code")
}

// exchange returns a valid token request with changes.
func (p *provider) exchange(t *testing.T, c client, changes url.Values) url.Values {
	t.Helper()
	return changed(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {c.ID}, "client_secret": {c.Secret},
		"code": {p.code(t, c, nil)}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
	}, changes)
}

func refresh(c client, token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {c.ID}, "refresh_token": {token}}
}

// login returns the tokens of a client.
func (p *provider) login(t *testing.T, c client) response {
	t.Helper()
	return p.wantTokens(t, p.exchange(t, c, nil))
}

func (p *provider) wantTokens(t *testing.T, form url.Values) response {
	t.Helper()
	r := p.post("/oauth2/tokens", form)
	if r.status != 200 {
		t.Fatalf("token request: %d %s", r.status, r.body)
	}
	return r
}

// accepts reports whether an access token gives access to the resource.
func (p *provider) accepts(tokens response) bool {
	return p.do("GET", "/mcp", "", "Authorization", "Bearer "+tokens.text("access_token")).status == 200
}

// changed returns the form with changes. An empty list removes a parameter.
func changed(form, changes url.Values) url.Values {
	maps.Copy(form, changes)
	maps.DeleteFunc(form, func(_ string, values []string) bool { return len(values) == 0 })
	return form
}

// wantError checks the form of an error response, and that the header fields are missing that
// RFC 6749 section 5.2 requires: the gateway adds them.
func wantError(t *testing.T, name string, r response, status int, code, description string) {
	t.Helper()
	if r.status != status || r.text("error") != code || description != "" && r.text("error_description") != description || len(r.members) != 2 {
		t.Errorf("%s: got %d %s, want %d %s %q", name, r.status, r.body, status, code, description)
	}
	wantBareHeader(t, r)
}

func wantBareHeader(t *testing.T, r response) {
	t.Helper()
	for _, name := range []string{"WWW-Authenticate", "Cache-Control", "Pragma"} {
		if values := r.header.Values(name); values != nil {
			t.Errorf("%s is present: %q", name, values)
		}
	}
}

// TestMetadata checks that the documents name the public URL whatever the Host is.
func TestMetadata(t *testing.T) {
	p := newProvider(legacy.Config{})
	const server, resource = "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource"
	for path, member := range map[string]string{server: "issuer", server + "/": "issuer", server + "/a/b": "issuer", resource: "resource", resource + "/mcp": "resource"} {
		r := p.do("GET", path, "")
		want := map[string]string{"issuer": publicURL, "resource": publicURL + "/mcp"}[member]
		if r.status != 200 || r.text(member) != want {
			t.Errorf("%s: got %d %s", path, r.status, r.body)
		}
		wantBareHeader(t, r)
		if r := p.do("POST", path, ""); r.status != 405 {
			t.Errorf("POST %s: got %d", path, r.status)
		}
	}
	methods := p.do("GET", server, "").members["token_endpoint_auth_methods_supported"]
	if !reflect.DeepEqual(methods, []any{"client_secret_post"}) {
		t.Errorf("got the methods %v", methods)
	}
}

func TestResourceNeedsAnAccessToken(t *testing.T) {
	p := newProvider(legacy.Config{})
	tokens := p.login(t, p.register(t))
	const want = `Bearer resource_metadata="https://provider.example/.well-known/oauth-protected-resource/mcp"`
	for _, authorization := range []string{"", "Basic " + tokens.text("access_token"), "Bearer " + tokens.text("refresh_token")} {
		if r := p.do("POST", "/mcp", "", "Authorization", authorization); r.status != 401 || r.header.Get("WWW-Authenticate") != want {
			t.Errorf("%q: got %d, %q", authorization, r.status, r.header.Get("WWW-Authenticate"))
		}
	}
	if !p.accepts(tokens) {
		t.Error("the access token is rejected")
	}
}

// TestObservation checks that requests are observed before they are checked, with the names of parameters in order.
func TestObservation(t *testing.T) {
	p := newProvider(legacy.Config{})
	p.do("POST", "/oauth2/tokens/?resource=a&b%5B%5D=c", "grant_type=d&coder_secret&&%zz=e&client_id=",
		"Content-Type", formType+"; charset=UTF-8", "Authorization", "Basic eDp5")
	p.do("POST", "/oauth2/revoke", "token=x", "Content-Type", "text/plain")
	p.do("POST", "/oauth2/register", "{}")
	want := []legacy.Observation{
		{Path: "/oauth2/tokens/", Authorization: true, Parameters: []string{"resource", "b[]", "grant_type", "", "", "client_id"}},
		{Path: "/oauth2/revoke", Authorization: false, Parameters: []string{}},
	}
	if !reflect.DeepEqual(p.observed, want) {
		t.Errorf("got %+v, want %+v", p.observed, want)
	}
}
