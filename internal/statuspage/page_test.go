package statuspage_test

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/jsonobject"
	"oauthgw/internal/statuspage"
)

var update = flag.Bool("update", false, "write the golden pages")

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

func object(t *testing.T, text string) jsonobject.Object {
	t.Helper()
	o, err := jsonobject.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// started are the facts of a gateway that has asked nobody anything yet.
func started() statuspage.Facts {
	return statuspage.Facts{
		Now: noon, Started: ago(3 * time.Second), Version: "v1.2.3", Revision: "unknown", GoVersion: "go1.26",
		NotReady:  "the endpoints are not configured and the provider's metadata has not been read",
		Provider:  statuspage.Provider{Upstream: "http://127.0.0.1:3000"},
		Reload:    statuspage.Reload{Tried: ago(3 * time.Second), InForce: ago(3 * time.Second)},
		Documents: []statuspage.Document{{Location: "/.well-known/oauth-authorization-server"}},
	}
}

// busy are the facts of a gateway to which everything has happened.
func busy(t *testing.T) statuspage.Facts {
	f := started()
	f.Started, f.NotReady, f.Revision = ago(51*time.Hour), "", "0123456789abcdef"
	f.Provider = statuspage.Provider{Upstream: "http://127.0.0.1:3000", Issuer: "https://login.example", Public: "https://login.example",
		Reached: ago(90 * time.Second), Failed: ago(5 * time.Second), Fault: "dial tcp 127.0.0.1:3000: connect: connection refused"}
	f.Reload = statuspage.Reload{Tried: ago(7 * time.Minute), InForce: ago(26 * time.Hour), Fault: "oauthgw.yaml:5: unknown key passthru\noauthgw.yaml:9: metadata.ttl: must be positive"}
	f.Endpoints = []statuspage.Endpoint{
		{Name: "token", Path: "/oauth2/tokens"}, {Name: "revocation", Path: "/revoke", Configured: true},
		{Name: "registration", Path: "/register"}, {Name: "registration", Path: "/register", AsItIs: true}}
	f.Documents = []statuspage.Document{
		{Location: "/.well-known/oauth-authorization-server", Fetched: ago(90 * time.Second), Fault: "fetching metadata: connection refused",
			Published: object(t, `{"issuer":"https://login.example","token_endpoint_auth_methods_supported":["client_secret_post"],"list" : [ 1 ],"text":"true","signed_metadata":"x","claims":["a","b"]}`),
			Served:    object(t, `{"issuer":"https://login.example","token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"],"list":[1],"text":"true","claims":["a"],"x_new":true}`)},
		{Location: "/.well-known/openid-configuration", Fault: "the provider has no metadata document there", Absent: true},
		{Location: "/old", Fetched: ago(48 * time.Hour), Expired: true, Published: object(t, `{"issuer":"x"}`), Served: object(t, `{"issuer":"x"}`)},
	}
	f.Untrue = []string{"The metadata does not list S256 in code_challenge_methods_supported."}
	f.Counts = []statuspage.Count{
		{"registration", "client_secret_basic", "accepted", 2}, {"token", "client_secret_basic", "accepted", 1200},
		{"token", "client_secret_basic", "canceled", 1}, {"token", "client_secret_basic", "failed", 3},
		{"token", "client_secret_basic", "malformed_basic", 4}, {"token", "client_secret_basic", "multiple_methods", 5},
		{"token", "client_secret_basic", "rejected", 7},
		{"token", "client_secret_post", "accepted", 8}, {"token", "client_secret_post", "unclear", 9}}
	f.Refusals = []statuspage.Refusal{
		{Time: ago(time.Minute), Endpoint: "token", Method: "client_secret_basic", Outcome: "rejected", Status: 401},
		{Time: ago(30 * time.Hour), Endpoint: "token", Method: "unknown", Outcome: "slow_body"}}
	return f
}

func page(t *testing.T, f statuspage.Facts) string {
	t.Helper()
	text, err := statuspage.Page(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The pages are kept beside the test without their style.
func TestPages(t *testing.T) {
	for name, f := range map[string]statuspage.Facts{"started": started(), "busy": busy(t)} {
		t.Run(name, func(t *testing.T) {
			head, rest, _ := strings.Cut(page(t, f), "<style>")
			_, rest, _ = strings.Cut(rest, "</style>")
			got, file := head+rest, filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s, see what -update changes:\n%s", file, got)
			}
		})
	}
}

// Nothing but the page's own style may do anything, and nobody keeps or frames
// the page.
func TestHeader(t *testing.T) {
	w := httptest.NewRecorder()
	statuspage.Handler(started).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for field, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	} {
		if got := w.Header().Get(field); got != want {
			t.Errorf("%s: %s", field, got)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none';", "style-src 'sha256-", "base-uri 'none';", "form-action 'none';", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %q: %s", want, policy)
		}
	}
	if strings.Contains(policy, "script") || strings.Contains(policy, "unsafe") || w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, policy)
	}
	for _, forbidden := range []string{"<script", " style=", " onclick", "javascript:", "<img", "<link"} {
		if strings.Contains(w.Body.String(), forbidden) {
			t.Errorf("the page holds %q", forbidden)
		}
	}
}
