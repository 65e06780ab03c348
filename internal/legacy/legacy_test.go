package legacy_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"oauthgw/internal/legacy"
)

const (
	publicURL   = "https://provider.example"
	redirectURI = "https://client.example/callback"
	// The verifier and its challenge are those of RFC 7636 appendix B.
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// provider is a legacy provider behind a real server.
type provider struct {
	*httptest.Server
	mu       sync.Mutex
	observed []legacy.Observation
}

// client is a client as it was registered.
type client struct {
	ID                string `json:"client_id"`
	Secret            string `json:"client_secret"`
	RegistrationToken string `json:"registration_access_token"`
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   string
	member map[string]any // nil: not a JSON object
}

func start(t *testing.T, config legacy.Config) *provider {
	t.Helper()
	p := &provider{}
	config.PublicURL = publicURL
	config.Observe = func(o legacy.Observation) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.observed = append(p.observed, o)
	}
	p.Server = httptest.NewServer(legacy.New(config))
	t.Cleanup(p.Close)
	p.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return p
}

// do sends a request with headers given as alternating names and values.
func (p *provider) do(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := p.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(text)}
	if strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(text, &a.member); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return a
}

// post sends a form.
func (p *provider) post(t *testing.T, target string, form url.Values) answer {
	t.Helper()
	return p.do(t, http.MethodPost, target, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// register registers a client and fails the test if it cannot.
func (p *provider) register(t *testing.T, redirectURIs ...string) client {
	t.Helper()
	if redirectURIs == nil {
		redirectURIs = []string{redirectURI}
	}
	request, err := json.Marshal(map[string]any{"redirect_uris": redirectURIs})
	if err != nil {
		t.Fatal(err)
	}
	a := p.do(t, http.MethodPost, "/oauth2/register", string(request))
	var c client
	if err := json.Unmarshal([]byte(a.body), &c); err != nil || a.status != http.StatusCreated {
		t.Fatalf("registration: %d %s (%v)", a.status, a.body, err)
	}
	return c
}

// consent lets the user agree, and returns where the browser is sent. Empty
// values take parameters away.
func (p *provider) consent(t *testing.T, c client, changes url.Values) *url.URL {
	t.Helper()
	query := authorization(c, changes)
	a := p.post(t, "/oauth2/authorize?"+query.Encode(), url.Values{"decision": {"allow"}})
	location, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusFound {
		t.Fatalf("consent: %d %s", a.status, a.body)
	}
	return location
}

// authorization is an authorization request with changes.
func authorization(c client, changes url.Values) url.Values {
	return changed(url.Values{
		"response_type":         {"code"},
		"client_id":             {c.ID},
		"redirect_uri":          {redirectURI},
		"state":                 {"a b&c"},
		"code_challenge":        {challenge},
		"code_challenge_method": {"S256"},
	}, changes)
}

// exchange is a token request that succeeds, with changes.
func (p *provider) exchange(t *testing.T, c client, changes url.Values) url.Values {
	t.Helper()
	return changed(url.Values{
		"grant_type":    {"authorization_code"},
		"client_id":     {c.ID},
		"client_secret": {c.Secret},
		"code":          {p.consent(t, c, nil).Query().Get("code")},
		"redirect_uri":  {redirectURI},
		"code_verifier": {verifier},
	}, changes)
}

// login returns the answer of a token request that must succeed.
func (p *provider) login(t *testing.T, c client) answer {
	t.Helper()
	a := p.post(t, "/oauth2/tokens", p.exchange(t, c, nil))
	if a.status != http.StatusOK {
		t.Fatalf("token request: %d %s", a.status, a.body)
	}
	return a
}

func (a answer) text(name string) string {
	text, _ := a.member[name].(string)
	return text
}

// changed returns the form with the changes; an empty list takes away.
func changed(form, changes url.Values) url.Values {
	maps.Copy(form, changes)
	maps.DeleteFunc(form, func(_ string, values []string) bool { return len(values) == 0 })
	return form
}

// wantRefusal checks the shape that all refusals of the provider have.
func wantRefusal(t *testing.T, a answer, status int, code, description string) {
	t.Helper()
	if a.status != status || a.text("error") != code {
		t.Fatalf("got %d %s, want %d %s", a.status, a.body, status, code)
	}
	if description != "" && a.text("error_description") != description {
		t.Errorf("got description %q, want %q", a.text("error_description"), description)
	}
	if len(a.member) != 2 {
		t.Errorf("the refusal has other members than error and error_description: %s", a.body)
	}
	wantBareHeader(t, a)
}

// wantBareHeader checks that the header fields are missing that RFC 6749
// sections 5.1 and 5.2 demand: the gateway is there to add them.
func wantBareHeader(t *testing.T, a answer) {
	t.Helper()
	for _, name := range []string{"WWW-Authenticate", "Cache-Control", "Pragma"} {
		if values := a.header.Values(name); values != nil {
			t.Errorf("%s is present: %q", name, values)
		}
	}
}
