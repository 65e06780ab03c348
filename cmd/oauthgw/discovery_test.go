package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"oauthgw/internal/config"
)

// startPagesProvider returns a provider that answers requests for metadata by a handler, and all
// other ones with the request.
func startPagesProvider(t *testing.T, metadata http.HandlerFunc) string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/o") {
			metadata(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, "%s of %s, connection %q", r.Method, r.URL.Path, r.Header.Get("Connection"))
	}))
	t.Cleanup(provider.Close)
	return provider.URL
}

// beforeDiscovery are requests, and the beginnings of the responses before discovery with and
// without passthrough.
var beforeDiscovery = []struct{ request, with, without string }{
	{"GET /page?a=1&a=2&client_id=app HTTP/1.1\nHost: a", "200 ", "404 "},
	{"GET /page HTTP/1.1\nHost: a\nAuthorization: Bearer x\nCookie: session=x", "200 ", "404 "},
	{"OPTIONS /page HTTP/1.1\nHost: a", "200 ", "404 "},
	{"GET /ws HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "200 ", "404 "},
	{"GET /page HTTP/1.1\nHost: a\nContent-Length: 1\n\nx", "503 ", "503 "},
	{"GET /page HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\n", "503 ", "503 "},
	{"GET /page?client_secret=s3cret-one HTTP/1.1\nHost: a", "503 ", "503 "},
	{"GET /page?x;Client.Secret=s3cret-one HTTP/1.1\nHost: a", "503 ", "503 "},
	{"GET /page?client%5Fassertion=s3cret-one HTTP/1.1\nHost: a", "503 ", "503 "},
	{"GET /page?client_assertion_type= HTTP/1.1\nHost: a", "503 ", "503 "},
	{"GET /page?x&grant_type=refresh_token HTTP/1.1\nHost: a", "503 ", "503 "},
	{"OPTIONS /page?grant_type=x HTTP/1.1\nHost: a", "503 ", "503 "},
	{"GET /page?%zz HTTP/1.1\nHost: a", "503 ", "503 "},
	{"GET /page HTTP/1.1\nHost: a\nAuthorization: Basic YXBwOnMzY3JldC1vbmU=", "503 ", "503 "},
	{"GET /page HTTP/1.1\nHost: a\nCookie: client_secret=s3cret-one", "503 ", "503 "},
	{"POST /token HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\ngrant_type=x", "503 ", "503 "},
	{"POST /page HTTP/1.1\nHost: a", "503 ", "503 "},
	{"DELETE /page HTTP/1.1\nHost: a", "503 ", "503 "},
	{"CONNECT /page HTTP/1.1\nHost: a", "404 ", "404 "},
}

// TestD01BeforeDiscovery checks which requests pass before the endpoints are known, that the
// others get a 503 that names what was found, and that discovery ends it.
func TestD01BeforeDiscovery(t *testing.T) {
	for _, passthrough := range []bool{true, false} {
		var broken atomic.Bool
		broken.Store(true)
		url := startPagesProvider(t, func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() {
				http.Redirect(w, r, "https://sso.example/canary", http.StatusFound)
				return
			}
			_, _ = io.WriteString(w, `{"issuer":"https://a","token_endpoint":"https://a/token"}`)
		})
		g := startGateway(t, testSettings(t, url, func(c *config.Config) { c.Passthrough = passthrough }))
		for _, test := range beforeDiscovery {
			want := map[bool]string{true: test.with, false: test.without}[passthrough]
			got := send(t, g.data, test.request)
			if !strings.HasPrefix(got, "HTTP/1.1 "+want) || strings.HasPrefix(want, "503") != strings.Contains(got, "Retry-After: ") || strings.Contains(got, "canary") {
				t.Errorf("%q, passthrough %v: got %s", test.request, passthrough, got)
			}
			if strings.HasPrefix(want, "503") && !strings.Contains(got, "status 302, a redirect to another origin. Set upstream.url ") {
				t.Errorf("%q: the response does not name what was found: %s", test.request, got)
			}
		}
		for query, want := range map[string]int{"": map[bool]int{true: 200, false: 404}[passthrough], "?grant_type=x": 503} {
			if resp, err := http.Head("http://" + g.data + "/page" + query); err != nil || resp.StatusCode != want {
				t.Errorf("HEAD: got %v %v", resp, err)
			}
		}
		const metadata = "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a"
		if got := send(t, g.data, metadata); !strings.HasPrefix(got, "HTTP/1.1 503 ") {
			t.Errorf("metadata: got %s", got)
		}
		broken.Store(false)
		eventually(t, "discovery", func() bool { return strings.Contains(send(t, g.data, metadata), "client_secret_basic") })
		if got := send(t, g.data, "GET /token HTTP/1.1\nHost: a"); !strings.HasPrefix(got, "HTTP/1.1 405 ") {
			t.Errorf("after discovery: got %s", got)
		}
	}
}

// TestD01MetadataWithoutTokenEndpoint checks that metadata that names no endpoint of the gateway
// is served before discovery, and not changed.
func TestD01MetadataWithoutTokenEndpoint(t *testing.T) {
	const document = `{"issuer":"https://a","token_endpoint":"https://b/token"}`
	g := startGateway(t, testSettings(t, startPagesProvider(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document) })))
	if got := send(t, g.data, "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a"); !strings.HasSuffix(got, "\n\n"+document) {
		t.Errorf("got %s", got)
	}
	if got := send(t, g.data, "POST /token HTTP/1.1\nHost: a"); !strings.Contains(got, "names no token_endpoint on the origin that clients use. Add it with metadata.patch, or configure public_url or endpoints.") {
		t.Errorf("got %s", got)
	}
}

// TestD05A068Hosts checks that each host gets its own metadata, uncached, and the issuer's host
// the augmented one, unless public_url makes it one document for all.
func TestD05A068Hosts(t *testing.T) {
	var requests atomic.Int32
	url := startPagesProvider(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if strings.HasSuffix(r.URL.Path, "/tenant") && r.Host != "a" {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, `{"issuer":"http://%s","token_endpoint":"http://%[1]s/t"}`, r.Host)
	})
	own := strings.TrimPrefix(url, "http://")
	for _, test := range []struct {
		public, endpoint, fields, want string
		augmented, cached              bool
	}{
		{"", "", "Host: " + own, own, true, true},
		{"", "", "Host: a", "a", false, false},
		{"", "", "Host: b\nX-Forwarded-Host: " + own, "b", false, false},
		{"", "/t", "Host: a", "a", false, false},
		{"", "/t", "Host: " + own, own, true, true},
		{"http://a", "", "Host: b", "a", true, true},
		{"http://a", "/t", "Host: a:80", "a", true, true},
	} {
		g := startGateway(t, testSettings(t, url, func(c *config.Config) {
			c.PublicURL = test.public
			if c.Upstream.Host = ""; test.endpoint != "" {
				c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": test.endpoint}, "a"
			}
		}))
		var got [3]string
		for i := range got {
			before := requests.Load()
			got[i] = send(t, g.data, "GET /.well-known/oauth-authorization-server HTTP/1.1\n"+test.fields)
			if cached := requests.Load() == before; i > 0 && cached != test.cached {
				t.Errorf("%+v: request %d is answered from the cache: %v", test, i, cached)
			}
		}
		const tenant = "GET /.well-known/oauth-authorization-server/tenant HTTP/1.1\n"
		if other := send(t, g.data, tenant+test.fields); strings.HasPrefix(other, "HTTP/1.1 200 ") != (test.want == "a") && test.endpoint == "" {
			t.Errorf("%+v: a tenant's document: got %s", test, other)
		}
		if !strings.Contains(got[2], `{"issuer":"http://`+test.want+`"`) || strings.Contains(got[2], "client_secret_basic") != test.augmented {
			t.Errorf("%+v: got %s", test, got[2])
		}
	}
}

// TestD06H06CheckOfMethods checks that check fails if the provider may not read secrets where the
// gateway sends them, and reports methods without secrets.
func TestD06H06CheckOfMethods(t *testing.T) {
	const list = "upstream.client_auth: token_endpoint_auth_methods_supported lists "
	for _, test := range []struct{ sent, methods, out, err string }{
		{"client_secret_post", `["client_secret_basic"]`, "", list + "client_secret_basic without client_secret_post, so "},
		{"client_secret_basic", `["client_secret_basic"]`, "metadata OK", ""},
		{"client_secret_basic", `["client_secret_post"]`, "", list + "client_secret_post without client_secret_basic, so "},
		{"client_secret_post", `["client_secret_post"]`, "metadata OK", ""},
		{"client_secret_post", `["private_key_jwt"]`, "token_endpoint_auth_methods_supported lists neither client_secret_post nor client_secret_basic, so the provider takes no client secret.", ""},
	} {
		provider := startMetadataProvider(t, honest+`,"token_endpoint_auth_methods_supported":`+test.methods+`}`)
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		writeFile(t, file, "upstream: {client_auth: "+test.sent+"}\n")
		out, _, err := invoke(t, "check", "--config.file="+file, "--upstream.url="+provider)
		if !strings.Contains(out, test.out) || !strings.HasPrefix(errorText(err), test.err) || (err == nil) != (test.err == "") {
			t.Errorf("%s, %s: got %v\n%s", test.sent, test.methods, err, out)
		}
	}
}

// TestD03SameDiagnosis checks that check, the log and the status page report the same problem of
// a location at which no client has looked yet.
func TestD03SameDiagnosis(t *testing.T) {
	provider := startPagesProvider(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "openid-configuration") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, honest+`}`)
	})
	const problem = "/.well-known/openid-configuration: The provider answered the metadata request with status 503."
	out, _, err := invoke(t, "check", "--upstream.url="+provider)
	if err != nil || !strings.Contains(out, problem) {
		t.Errorf("check: got %v\n%s", err, out)
	}
	g := startProgram(t, provider, "")
	eventually(t, "the log", func() bool { return strings.Contains(g.log.String(), problem) })
	if page := fetch(t, "http://"+g.admin+"/", ""); !strings.Contains(page, problem) {
		t.Error("the status page does not report the problem")
	}
}

// startResourceProvider returns a provider whose metadata names an issuer. It has a document for the
// resource /own alone, and wants a token for all other paths.
func startResourceProvider(t *testing.T, issuer string) string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/.well-known/oauth-authorization-server":
			_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%[1]s/a","token_endpoint":"%[1]s/t","response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}`, issuer)
		case r.URL.Path == "/.well-known/oauth-protected-resource/own":
			_, _ = io.WriteString(w, `{"resource":"https://internal.example/own"}`)
		case strings.HasPrefix(r.URL.Path, "/.well-known/"):
			http.NotFound(w, r)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(provider.Close)
	return provider.URL
}

// TestH09WithoutPublicURL checks that the issuer is discovered even if nothing else needs it, and
// that only requests for its host are about the resource.
func TestH09WithoutPublicURL(t *testing.T) {
	const configuration = "endpoints: {token: /t}\nclient_auth: {realm: a}\nresources: [{path: /mcp}]"
	g := startGateway(t, fileSettings(t, startResourceProvider(t, "https://idp.example"), configuration))
	metadata := func(host string) string {
		return send(t, g.data, "GET /.well-known/oauth-protected-resource/mcp HTTP/1.1\nHost: "+host)
	}
	eventually(t, "discovery", func() bool { return !strings.HasPrefix(metadata("idp.example"), "HTTP/1.1 503 ") })
	const document = `{"resource":"https://idp.example/mcp","authorization_servers":["https://idp.example"]}`
	if own, other := metadata("IDP.example:443"), metadata("idp.example.evil.example"); !strings.HasSuffix(own, "\n\n"+document) || !strings.HasPrefix(other, "HTTP/1.1 404 ") {
		t.Errorf("at the issuer's host: %s\nat another: %s", own, other)
	}
	const challenge = `Www-Authenticate: Bearer resource_metadata="https://idp.example/.well-known/oauth-protected-resource/mcp"`
	for host, want := range map[string]bool{"idp.example": true, "other.example": false} {
		if got := send(t, g.data, "GET /mcp HTTP/1.1\nHost: "+host); strings.Contains(got, challenge) != want || want != strings.Contains(got, "Www-Authenticate") {
			t.Errorf("Host: %s: got %s", host, got)
		}
	}
}

// TestH09Check checks that check reports a document of the provider that clients reject.
func TestH09Check(t *testing.T) {
	file := filepath.Join(t.TempDir(), "oauthgw.yaml")
	for path, want := range map[string]string{
		"/mcp": "metadata OK: no problems for strict clients\n",
		"/own": "/.well-known/oauth-protected-resource/own: The provider's own document names the resource \"https://internal.example/own\". Clients that use \"https://login.example.com/own\" reject it, ",
	} {
		writeFile(t, file, "upstream: {url: "+startResourceProvider(t, "https://login.example.com")+"}\npublic_url: https://login.example.com\nresources: [{path: "+path+"}]\n")
		expectCheck(t, path, "--config.file="+file, "the configuration is valid\n"+want, "")
	}
}
