package wellknown_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/wellknown"
)

func compressed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// redirects responds with a redirect at every path but one.
func redirects(location, document string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == document {
			sends(`{"issuer":"https://gateway.example","token_endpoint":"https://gateway.example/t"}`)(w, r)
			return
		}
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusMovedPermanently)
	}
}

func publicGateway(c *wellknown.SourceConfig) { c.Public = origin.Of("https://gateway.example") }

// An imperfect document is served like a perfect one.
func TestD02P09P30ImperfectDocuments(t *testing.T) {
	for name, respond := range map[string]http.HandlerFunc{
		"text/plain":      with("Content-Type", "text/plain", document),
		"malformed type":  with("Content-Type", "/", document),
		"byte order mark": sends("\ufeff" + document),
		"201":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); _, _ = io.WriteString(w, document) },
		"gzip":            with("Content-Encoding", "gzip", compressed(document)),
		"x-gzip and mark": with("Content-Encoding", "X-GZIP", compressed("\ufeff"+document)),
		"path":            redirects(location+"/", location+"/"),
		"provider":        redirects("http://provider.example"+location+"/", location+"/"),
		"public origin":   redirects("https://gateway.example"+location+"/", location+"/"),
		"upstream.host":   redirects("http://internal.example"+location+"/", location+"/"),
		"public host":     redirects("http://GATEWAY.example"+location+"/", location+"/"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHandler(t, newProvider(respond), publicGateway, func(c *wellknown.SourceConfig) { c.Host = "internal.example" })
				w := get(h, location)
				if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || !strings.HasPrefix(w.Body.String(), "{") || !strings.Contains(w.Body.String(), "client_secret_basic") {
					t.Errorf("got %d %v %q", w.Code, w.Header(), w.Body)
				}
			})
		})
	}
}

// hostile are responses that must harm nothing, with the requests that a fetch may send.
var hostile = map[string]struct {
	respond  http.HandlerFunc
	requests int32
	want     string // in the log
}{
	"bomb":        {with("Content-Encoding", "gzip", compressed(`{"x":"`+strings.Repeat("x", 64<<20)+`"}`)), 1, "larger than 256 KiB"},
	"two codings": {with("Content-Encoding", "gzip, gzip", compressed(compressed(document))), 1, "a content coding other than gzip"},
	"brotli":      {with("Content-Encoding", "br", document), 1, "a content coding other than gzip"},
	"half a gzip": {with("Content-Encoding", "gzip", compressed(document)[:40]), 1, "or a damaged one"},
	"back": {func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(r.URL.Path+"/", "//", "", 1), http.StatusFound)
	}, 4, "back and forth"},
	"itself":       {redirects(location, ""), 1, "a redirect to the same location"},
	"another port": {redirects("http://provider.example:81"+location+"/", ""), 1, "a redirect to another origin"},
	"https":        {redirects("https://provider.example"+location, ""), 1, "a redirect to the same location with https"},
	"user":         {redirects("http://canary@provider.example"+location+"/", ""), 1, "a redirect to another path"},
	"query":        {redirects(location+"/?canary", ""), 1, "a redirect to another path"},
	"file":         {redirects("file://"+location+"/", ""), 1, "a redirect to another origin"},
	"not a URL":    {redirects("http://[canary", ""), 1, "a redirect that leads nowhere"},
	"login":        {redirects("/login?canary", ""), 1, "a redirect to another path, which may be a login page"},
	"deep":         {sends(strings.Repeat(`{"a":`, 40000)), 1, "cannot be read"},
	"nulls":        {sends(`{"issuer":null,` + nulls(9000) + `"token_endpoint":null}`), 1, ""},
	"endless": {func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < 1<<20; i++ {
			if _, err := io.WriteString(w, strings.Repeat(" ", 4096)); err != nil {
				return
			}
		}
	}, 1, "larger than 256 KiB"},
	"another issuer": {sends(strings.ReplaceAll(document, "gateway", "canary")), 1, "another issuer"},
}

func nulls(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"n%d":null,`, i)
	}
	return b.String()
}

// Hostile responses never reach clients or the cached document, cost a bounded number of
// requests, and are diagnosed without their text.
func TestD02A089HostileDocuments(t *testing.T) {
	for name, test := range hostile {
		for _, cached := range []bool{false, true} {
			t.Run(fmt.Sprint(name, cached), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newProvider(sends(document))
					h := newHandler(t, p, expectIssuer)
					good := ""
					if cached {
						good = get(h, location).Body.String()
						time.Sleep(3 * time.Minute)
					}
					p.respond(test.respond)
					before := p.requests.Load()
					w := get(h, location)
					synctest.Wait()
					if (w.Code == http.StatusOK) != cached || cached && w.Body.String() != good || p.requests.Load()-before != test.requests {
						t.Errorf("got %d %s after %d requests", w.Code, w.Body, p.requests.Load()-before)
					}
					snapshots, _ := h.source.Snapshots("", paths)
					if found := fmt.Sprint(snapshots[0].Err, h.log); !strings.Contains(found, test.want) || strings.Contains(found, "canary") {
						t.Errorf("diagnosed as %s", found)
					}
				})
			})
		}
	}
}

// Where the issuer has no document, clients get 404 as soon as another location is known to
// have one, and 503 only until then. With a path they get that document.
func TestD03D09OtherLocations(t *testing.T) {
	const whole = `{"issuer":"https://gateway.example/p","token_endpoint":"https://gateway.example/t","jwks_uri":"https://gateway.example/j",` +
		`"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
	for name, respond := range map[string]http.HandlerFunc{
		"404": status(404), "401": status(401), "403": status(403), "500": status(500), "503": status(503), "429": status(429), "204": status(204),
		"html": with("Content-Type", "text/html", "<!doctype html>"), "empty": sends(""), "no members": sends("{}"), "truncated": sends(document[:30]),
		"login": redirects("/login", ""), "sso": redirects("https://sso.example/", ""), "circle": redirects(location, ""),
		"another issuer": sends(strings.ReplaceAll(document, "gateway", "another")), "brotli": with("Content-Encoding", "br", document),
	} {
		t.Run(name, func(t *testing.T) {
			for issuer, want := range map[string]int{"https://gateway.example": 404, "https://gateway.example/p": 200} {
				synctest.Test(t, func(t *testing.T) {
					all := wellknown.Locations(issuer)
					p := newProvider(at(all[1], sends(strings.ReplaceAll(whole, "https://gateway.example/p", issuer)), respond))
					h := newHandler(t, p, func(c *wellknown.SourceConfig) { c.Expected = issuer })
					if w := get(h, all[0]); w.Code == http.StatusOK {
						t.Errorf("at first: %d %s", w.Code, w.Body)
					}
					good := get(h, all[1]).Body.String()
					for _, wait := range []time.Duration{0, 5 * time.Second} {
						time.Sleep(wait)
						for _, location := range append(all[2:], all[0]) {
							if w := get(h, location); w.Code != want || want == 200 && w.Body.String() != good {
								t.Errorf("%s: %d %s, want %d", location, w.Code, w.Body, want)
							}
						}
					}
				})
			}
		})
	}
}

// Clients of a location that never answers do not wait if another one has a document, but a
// provider that is down is no reason for a 404.
func TestD03SilentLocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(at(openid, sends(adding(document, `"jwks_uri":"https://a","subject_types_supported":[],"id_token_signing_alg_values_supported":[]`)), hang))
		h := newHandler(t, p)
		get(h, openid)
		for i, want := range []time.Duration{5 * time.Second, 0, 0} {
			start := time.Now()
			if w := get(h, location); w.Code != http.StatusServiceUnavailable || time.Since(start) != want {
				t.Errorf("request %d: got %d after %v", i, w.Code, time.Since(start))
			}
			time.Sleep(3 * time.Second)
		}
		time.Sleep(10 * time.Second)
	})
}

// An OpenID location has only documents that OpenID clients can use.
func TestD09BareDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Replace(document, `example"`, `example/p"`, 1)
		h := newHandler(t, newProvider(at(location+"/p", sends(text), status(404))), func(c *wellknown.SourceConfig) { c.Expected = "https://gateway.example/p" })
		get(h, location+"/p")
		for path, want := range map[string]int{openid + "/p": 404, "/p" + openid: 404, "/p" + location: 200} {
			if w := get(h, path); w.Code != want {
				t.Errorf("%s: got %d", path, w.Code)
			}
		}
	})
}

// Lint reports a location that does not answer as it should, and methods that do not fit.
func TestD06D08H06LintOfImperfectMetadata(t *testing.T) {
	const fix = "upstream.client_auth: "
	onlyBasic, onlyPost := `"token_endpoint_auth_methods_supported":["client_secret_basic"]`, `"token_endpoint_auth_methods_supported":["client_secret_post"]`
	for name, test := range map[string]struct {
		members, issuer string
		sent            clientauth.Method
		want, fix       string
	}{
		"location":   {`"x":1`, "https://gw.example", "", openid + ": The provider answered the metadata request with status 403. Clients that look there get the metadata of another location, or 404. Let the provider serve", ""},
		"no secrets": {`"token_endpoint_auth_methods_supported":["private_key_jwt"]`, "https://gw.example", "", "token_endpoint_auth_methods_supported lists neither", ""},
		"no secrets, to the header": {`"token_endpoint_auth_methods_supported":["private_key_jwt"]`, "https://gw.example", clientauth.Basic,
			"If the provider reads client secrets from the header, add client_secret_basic to the list", ""},
		"only Basic, to the form":   {onlyBasic, "https://gw.example", "", fix + "token_endpoint_auth_methods_supported lists client_secret_basic without client_secret_post", "Set upstream.client_auth: client_secret_basic."},
		"only Basic, to the header": {onlyBasic, "https://gw.example", clientauth.Basic, "", ""},
		"only post, to the form":    {onlyPost, "https://gw.example", clientauth.Post, "", ""},
		"only post, to the header":  {onlyPost, "https://gw.example", clientauth.Basic, fix + "token_endpoint_auth_methods_supported lists client_secret_post without client_secret_basic", "Set upstream.client_auth: client_secret_post."},
		"both, to the form":         {`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]`, "https://gw.example", "", "", ""},
		"both, to the header":       {`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]`, "https://gw.example", clientauth.Basic, "", ""},
		"none listed":               {`"x":1`, "https://gw.example", clientauth.Basic, "", ""},
		"scheme":                    {`"x":1`, "http://gw.example", "", "The metadata names token_endpoint with another scheme than https. oauthgw names it at https://gw.example.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text := strings.ReplaceAll(adding(sound, test.members), `_endpoint":"https://gw.example`, `_endpoint":"`+test.issuer)
				h := newHandler(t, newProvider(at(location, sends(text), status(403))), func(c *wellknown.SourceConfig) { c.Passthrough, c.ProviderAuth = true, test.sent })
				found, err := h.source.Lint(t.Context(), paths)
				lines := strings.Join(found, "\n")
				if err != nil || !strings.Contains(lines, test.want) || !strings.Contains(lines, test.fix) || strings.Contains(lines, fix) != (test.fix != "") {
					t.Errorf("%v, got %q, want %q", err, lines, test.want)
				}
			})
		})
	}
}

// A document that names no token endpoint, or an endpoint that servers could read differently,
// does not hide the others.
func TestD01D02OneImperfectDocument(t *testing.T) {
	good := strings.Replace(adding(sound, `"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]`), "{", `{"jwks_uri":"https://gw.example/j",`, 1)
	for first, want := range map[string]string{
		strings.Replace(sound, `"token_endpoint"`, `"x"`, 1):                              location + ": The metadata names no token_endpoint on the origin that clients use.",
		strings.Replace(sound, "https://gw.example/t", "https://gw.example/t?a=1&a=2", 1): location + ": The metadata names no token_endpoint on the origin that clients use.",
		adding(sound, `"revocation_endpoint":"https://gw.example/r?%zz"`):                 "",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newHandler(t, newProvider(at(location, sends(first), sends(good)))).source
			p, err := s.Provider(t.Context())
			lines, _ := s.Lint(t.Context(), paths)
			_, shown := s.Snapshots("https://gw.example", paths)
			if got := strings.Join(lines, "\n"); err != nil || len(p.Endpoints) == 0 || p.Endpoints["revocation"] != nil || got != strings.Join(shown, "\n") || !strings.Contains(got, want) {
				t.Errorf("%s: got %v %v\n%s\nand %s", first, p.Endpoints, err, got, shown)
			}
		})
	}
}

// A provider that answers every path with a page to log in, or with 401, has no metadata.
func TestD03LintWithoutMetadata(t *testing.T) {
	for name, respond := range map[string]http.HandlerFunc{"302": redirects("/login", ""), "401": status(401), "503": status(503)} {
		synctest.Test(t, func(t *testing.T) {
			lines, err := newHandler(t, newProvider(respond)).source.Lint(t.Context(), paths)
			if got := strings.Join(lines, "\n"); name == "503" && err == nil || name != "503" && (!strings.HasPrefix(got, location+": The provider answered") || !strings.Contains(got, "\nThe provider has no metadata, so ")) {
				t.Errorf("%s: got %v %s", name, err, got)
			}
		})
	}
}

// The patch corrects what is absent by its value, and can name the endpoint.
func TestD07PatchComesAfterNulls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, newProvider(sends(`{"issuer":"https://gateway.example","token_endpoint":"","grant_types_supported":null}`)), func(c *wellknown.SourceConfig) {
			c.Patch = wellknown.Patch{Set: map[string]json.RawMessage{"token_endpoint": []byte(`"https://gateway.example/t"`), "x_null": []byte("null")},
				Add: map[string][]json.RawMessage{"grant_types_supported": {[]byte(`"refresh_token"`)}}}
		})
		const want = `{"issuer":"https://gateway.example","token_endpoint":"https://gateway.example/t","x_null":null,"grant_types_supported":["refresh_token"],"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]}`
		if got := get(h, location).Body.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
