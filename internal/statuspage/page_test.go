package statuspage_test

import (
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/jsonobject"
	"oauthgw/internal/statuspage"
	"oauthgw/metrics"
	"oauthgw/wellknown"
)

var update = flag.Bool("update", false, "write the golden pages")

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return noon.Add(-d) }

func object(t *testing.T, text string) wellknown.Metadata {
	t.Helper()
	o, err := jsonobject.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return wellknown.Metadata{Object: o}
}

// started are the facts of a gateway without requests.
func started() statuspage.Facts {
	return statuspage.Facts{
		Now: noon, Started: before(3 * time.Second), Version: "v1.2.3", Revision: "unknown", GoVersion: "go1.26",
		NotReady:  "the endpoints are not configured and the provider's metadata has not been read",
		Provider:  statuspage.Provider{Upstream: "http://127.0.0.1:3000"},
		Reload:    statuspage.Reload{Tried: before(3 * time.Second), ActiveSince: before(3 * time.Second)},
		Documents: []wellknown.Snapshot{{Location: "/.well-known/oauth-authorization-server"}},
	}
}

// busy are the facts of a gateway with everything that the page can show.
func busy(t *testing.T) statuspage.Facts {
	f := started()
	f.Started, f.NotReady, f.Revision = before(51*time.Hour), "", "0123456789abcdef"
	f.Provider = statuspage.Provider{Upstream: "http://127.0.0.1:3000", Issuer: "https://login.example", Public: "https://login.example",
		Reached: before(90 * time.Second), Failed: before(5 * time.Second), Err: errors.New("dial tcp 127.0.0.1:3000: connect: connection refused")}
	f.Reload = statuspage.Reload{Tried: before(7 * time.Minute), ActiveSince: before(26 * time.Hour), Err: errors.New("oauthgw.yaml:5: unknown key passthru\noauthgw.yaml:9: metadata.ttl: must be positive")}
	f.Methods = [...]string{"client_secret_basic", "client_secret_post"}
	f.Endpoints = []statuspage.Endpoint{
		{Name: "token", Path: "/oauth2/tokens"}, {Name: "revocation", Path: "/revoke", Configured: true},
		{Name: "registration", Path: "/register"}, {Name: "registration", Path: "/register", Untranslated: true}, {Name: "authorization", Path: "/authorize"}}
	f.Documents = []wellknown.Snapshot{
		{Location: "/.well-known/oauth-authorization-server", Fetched: before(90 * time.Second), Err: errors.New("fetching metadata: connection refused"),
			Published: object(t, `{"issuer":"https://login.example","token_endpoint_auth_methods_supported":["client_secret_post"],"list" : [ 1 ],"text":"true","signed_metadata":"x","claims":["a","b"]}`),
			Served:    object(t, `{"issuer":"https://login.example","token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"],"list":[1],"text":"true","claims":["a"],"x_new":true}`)},
		{Location: "/.well-known/openid-configuration", Err: errors.New("the provider has no metadata document there"), Absent: true},
		{Location: "/old", Fetched: before(48 * time.Hour), Expired: true, Published: object(t, `{"issuer":"x"}`), Served: object(t, `{"issuer":"x"}`)},
	}
	f.Problems = []string{"The metadata does not list S256 in code_challenge_methods_supported."}
	for _, c := range []struct {
		endpoint, method, outcome string
		count                     uint64
	}{
		{"registration", "client_secret_basic", "accepted", 2}, {"registration", "client_secret_basic", "registered", 3}, {"token", "client_secret_basic", "accepted", 1200},
		{"token", "client_secret_basic", "canceled", 1}, {"token", "client_secret_basic", "failed", 3},
		{"token", "client_secret_basic", "malformed_basic", 4}, {"token", "client_secret_basic", "multiple_methods", 5},
		{"token", "client_secret_basic", "rejected", 7},
		{"token", "client_secret_post", "accepted", 8}, {"token", "client_secret_post", "unclear", 9},
	} {
		f.Counts = append(f.Counts, metrics.ClientAuthCount{Endpoint: c.endpoint, Method: c.method, Outcome: c.outcome, Count: c.count})
	}
	f.Repairs = []metrics.RepairCount{{Endpoint: "token", Repair: "media_type", Count: 12}, {Endpoint: "token", Repair: "replies.numbers", Count: 3}}
	f.Clients = []statuspage.Client{
		{ID: "agents-claude", Public: true, Aliases: 1, ProviderAuth: "client_secret_post", SecretFile: "/run/secrets/claude"},
		{ID: "agents-codex", Public: true, Registers: true, Aliases: 2, ProviderAuth: "client_secret_basic", SecretFile: "/run/secrets/codex", Uses: statuspage.ClientUses{
			Used: 25, Counts: [...]uint64{20, 0, 3, 1}, Registered: 4, SecretAccepted: before(time.Minute), SecretRejected: before(time.Hour)}},
		{ID: "agents-old", Public: true, ProviderAuth: "client_secret_post", SecretFile: "/run/secrets/old", Uses: statuspage.ClientUses{
			Used: 7, Counts: [...]uint64{5, 2, 0, 0}, SecretAccepted: before(25 * time.Hour), SecretRejected: before(2 * time.Minute)}},
		{ID: "agents-refused", Public: true, ProviderAuth: "client_secret_post", SecretFile: "/run/secrets/refused", Uses: statuspage.ClientUses{
			Used: 1, Counts: [...]uint64{0, 0, 1, 0}}},
		{ID: "backend", ProviderAuth: "client_secret_basic"},
		{ID: "billing", ProviderAuth: "client_secret_post", SecretFile: "/run/secrets/billing", Uses: statuspage.ClientUses{
			Used: 12, Last: before(2 * time.Minute), Counts: [...]uint64{10, 0, 2, 0}, SecretAccepted: before(2 * time.Minute)},
			Issuers: []statuspage.Issuer{{Method: "private_key_jwt", Keys: 2}, {Method: "workload_jwt", Keys: 1, URI: "https://cluster.example/openid/v1/jwks", Fetched: before(3 * time.Minute)}}},
		{ID: "ledger", ProviderAuth: "client_secret_post", SecretFile: "/run/secrets/ledger",
			Issuers: []statuspage.Issuer{{Method: "workload_jwt", URI: "https://idp.example/jwks"}}}}
	f.State = statuspage.State{Redis: "rediss://redis.example:6379/0"}
	f.Warnings = []string{"client_auth.failures: has no effect"}
	f.Recent = statuspage.Recent{statuspage.Accepted: 38, statuspage.Rejected: 40, statuspage.Refused: 20, statuspage.Failed: 2, statuspage.Tolerated: 1}
	f.Groups = []statuspage.Group{
		{Kind: statuspage.Refused, Endpoint: "token", Method: "unknown", Reason: "query_credentials", Count: 20, Last: before(time.Second), RequestIDs: []string{"ID3", "ID2", "ID1"}},
		{Kind: statuspage.Tolerated, Endpoint: "token", Method: "client_secret_basic", Reason: "multiple_methods", Count: 1, Last: before(2 * time.Second), RequestIDs: []string{"ID4"}},
		{Kind: statuspage.Rejected, Endpoint: "token", Method: "client_secret_basic", Reason: "rejected", Count: 40, Last: before(time.Minute)},
		{Kind: statuspage.Failed, Endpoint: "token", Method: "client_secret_post", Reason: "failed", Count: 2, Last: before(30 * time.Hour), RequestIDs: []string{"ID5"}}}
	return f
}

func page(t *testing.T, f statuspage.Facts) string {
	t.Helper()
	text, err := statuspage.Page(f, false)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPages compares the pages without the style.
func TestPages(t *testing.T) {
	for name, f := range map[string]statuspage.Facts{"started": started(), "busy": busy(t)} {
		head, rest, _ := strings.Cut(page(t, f), "<style>")
		_, rest, _ = strings.Cut(rest, "</style>")
		got, file := head+rest, filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || got != string(want) {
			t.Errorf("differs from %s (%v), see what -update changes:\n%s", file, err, got)
		}
	}
}

// TestHeader checks that the policy allows nothing but the page's own style.
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
	policy := regexp.MustCompile(`^default-src 'none'; style-src 'sha256-[^']{44}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`)
	if got := w.Header().Get("Content-Security-Policy"); !policy.MatchString(got) || w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, got)
	}
}

// TestRefresh checks that the page refreshes itself until an operator pauses it.
func TestRefresh(t *testing.T) {
	for target, refreshes := range map[string]bool{"/": true, "/?": true, "/?paused": false} {
		w := httptest.NewRecorder()
		statuspage.Handler(started).ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if got := strings.Contains(w.Body.String(), `<meta http-equiv="refresh" content="30">`); got != refreshes {
			t.Errorf("%s: %v", target, got)
		}
	}
}

// TestDocs checks that the documents to which the page refers exist.
func TestDocs(t *testing.T) {
	names := regexp.MustCompile(`docs/[\w./-]+\.md`).FindAllString(page(t, busy(t)), -1)
	if len(names) == 0 {
		t.Error("the page refers to no document")
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join("../..", name)); err != nil {
			t.Error(err)
		}
	}
}

// hostile is text that would do harm in a page.
const hostile = "</code></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e\u2066\u200b\u3164\ufe0f\u2800\x00\x1b[31m\xff"

// TestHostileTexts checks that text from outside is escaped, and that all of it is on the page.
func TestHostileTexts(t *testing.T) {
	f := busy(t)
	f.Version, f.GoVersion, f.Revision, f.NotReady = hostile, hostile, hostile, hostile
	f.Provider = statuspage.Provider{Upstream: hostile, Issuer: hostile, Public: hostile, Reached: noon, Failed: noon, Err: errors.New(hostile)}
	f.Reload.Err = errors.New(hostile)
	f.Problems, f.Warnings, f.Groups[0].RequestIDs = []string{hostile}, []string{hostile}, []string{hostile}
	f.Endpoints[0].Path, f.Clients[0].ID, f.Clients[0].SecretFile = hostile, hostile, hostile
	f.State.Redis, f.Clients[5].Issuers[1].URI, f.Clients[6].Issuers[0].URI = hostile, hostile, hostile
	document := object(t, string(jsonobject.Object{}.With(hostile, []string{hostile}).With("text", hostile).Encode()))
	f.Documents = []wellknown.Snapshot{
		{Location: hostile, Fetched: noon, Err: errors.New(hostile), Published: document},
		{Location: hostile, Fetched: noon, Err: errors.New(hostile), Served: document}}
	text := page(t, f)
	for _, harm := range []string{"<script", "<img", "</style><", "\u202e", "\u2066", "\u200b", "\u3164", "\ufe0f", "\u2800", "\x00", "\x1b", "\xff"} {
		if strings.Contains(text, harm) {
			t.Errorf("the page has %q", harm)
		}
	}
	// Versions and names of members are cut in front of it; JSON escapes the last two.
	if n := strings.Count(text, `\u202e\u2066\u200b\u3164\ufe0f\u2800\u0000\u001b[31m`); n != 23 {
		t.Errorf("%d texts are whole", n)
	}
	f.Provider.Issuer = "e" + strings.Repeat("\u0301", 6)
	if want := "<code>e" + strings.Repeat("\u0301", 4) + "…</code>"; !strings.Contains(page(t, f), want) {
		t.Errorf("the page lacks %s", want)
	}
}

// TestLargeTexts checks that large texts keep the page small.
func TestLargeTexts(t *testing.T) {
	for name, member := range map[string]string{
		"a long text":          `"x":"` + strings.Repeat("&", 256<<10) + `"`,
		"an unprintable text":  `"x":"` + strings.Repeat("\u202e", 80<<10) + `"`,
		"a deep value":         `"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"a list of long texts": `"x":[` + strings.Repeat(`"`+strings.Repeat("<", 9000)+`",`, 20) + `1]`,
		"a long name":          `"` + strings.Repeat("_", 200<<10) + `":1`,
	} {
		f := started()
		f.Documents = []wellknown.Snapshot{{Location: "/l", Fetched: noon, Published: object(t, "{"+member+"}")}}
		if n := len(page(t, f)); n > 64<<10 {
			t.Errorf("%s: the page has %d KiB", name, n>>10)
		}
	}
	f := busy(t)
	f.Problems = []string{strings.Repeat("x", 1<<20)}
	f.Reload.Err = errors.New(strings.Repeat("y\n", 1<<16))
	if n := len(page(t, f)); n > 64<<10 {
		t.Errorf("the page has %d KiB", n>>10)
	}
}
