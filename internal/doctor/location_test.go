package doctor_test

import (
	"strings"
	"testing"

	"oauthgw/internal/doctor"
)

// Each row changes a sound server in one place, and lists the beginnings of all
// findings.
func TestFindings(t *testing.T) {
	const metadata = "metadata: There is no metadata at any location"
	html := page{200, map[string]string{"Content-Type": "text/html"}, "<!doctype html>"}
	for _, test := range []struct {
		name   string
		change func(*server)
		want   []string
	}{
		{"html at the first location", func(s *server) { s.pages[openidPath], s.pages[asPath] = document(openid(s)), html },
			[]string{"problem: " + asPath + ": The status is 200 and the body is not a JSON object"}},
		{"failure at the first location", func(s *server) { s.pages[openidPath], s.pages[asPath] = document(openid(s)), page{status: 503} },
			[]string{"problem: " + asPath + ": The status is 503, at which clients give up."}},
		{"forbidden location", func(s *server) { s.pages[openidPath] = page{status: 403} },
			[]string{"warning: " + openidPath + ": The status is 403"}},
		{"redirect at a location", func(s *server) { s.pages[openidPath] = page{302, map[string]string{"Location": asPath}, ""} },
			[]string{"warning: " + openidPath + ": The response is a redirect (status 302)"}},
		{"bare document at the OpenID location", func(s *server) { s.pages[openidPath] = document(s.metadata()) },
			[]string{"warning: " + openidPath + ": The document is at an OpenID Connect location but lacks jwks_uri, subject_types_supported, id_token_signing_alg_values_supported."}},
		{"different issuers", func(s *server) {
			s.pages[openidPath] = document(strings.Replace(openid(s), `"issuer":"`+s.URL, `"issuer":"`+s.URL+"/x", 1))
		},
			[]string{`problem: issuer at ` + openidPath + `: Clients that start at "` + s0 + `" find the issuer "` + s0 + `/x"`}},
		{"repeated member", func(s *server) { s.replace(`"issuer"`, `"issuer":"a","issuer"`) },
			[]string{"problem: " + asPath + ": The document has a repeated member", "problem: " + metadata}},
		{"truncated", func(s *server) { s.replace(`"]}`, ``) },
			[]string{"problem: " + asPath + ": The document cannot be read: it is not JSON", "problem: " + metadata}},
		{"large document", func(s *server) {
			s.pages[asPath] = document(s.metadata() + strings.Repeat(" ", 300<<10))
		}, []string{"problem: " + asPath + `: The response is incomplete ("its body is larger than 256 KiB")`, "problem: " + metadata}},
		{"no document", func(s *server) { delete(s.pages, asPath) },
			[]string{"problem: " + metadata}},
		{"resource of another server", func(s *server) {
			s.pages[resourcePath] = document(`{"resource":"a","authorization_servers":["https://a"]}`)
		},
			[]string{"problem: " + resourcePath + `: The protected resource sends clients to "https://a"`}},
		{"resource of several servers", func(s *server) {
			s.pages[resourcePath] = document(`{"resource":"a","authorization_servers":["` + s.URL + `","https://a"]}`)
		}, []string{"note: " + resourcePath + `: The protected resource names further authorization servers: "https://a"`}},
		{"resource of the server with a slash", func(s *server) { s.pages[resourcePath] = document(`{"authorization_servers":["` + s.URL + `/"]}`) },
			[]string{"warning: " + resourcePath + `: The protected resource names the authorization server "` + s0 + `/"`}},
		{"no CORS", func(s *server) { s.pages[asPath] = s.pages[asPath].with("Access-Control-Allow-Origin", "https://a") },
			[]string{"note: other origins: A page of an origin that the server does not know cannot read the metadata (CORS)"}},
		{"no caching", func(s *server) { s.pages[asPath] = s.pages[asPath].with("Cache-Control", "") },
			[]string{"note: " + asPath + ": The document has no Cache-Control"}},
		{"long caching", func(s *server) { s.pages[asPath] = s.pages[asPath].with("Cache-Control", `public, max-age="172800"`) },
			[]string{"warning: " + asPath + ": The document may be cached for 48 hours"}},
		{"charset", func(s *server) {
			s.pages[asPath] = s.pages[asPath].with("Content-Type", "application/json; charset=utf-8")
		},
			[]string{"note: " + asPath + ": The document has the Content-Type"}},
		{"text", func(s *server) { s.pages[asPath] = s.pages[asPath].with("Content-Type", "text/plain") },
			[]string{"problem: " + asPath + `: The document has the Content-Type "text/plain"`}},
		{"compressed", func(s *server) {
			s.pages[openidPath] = page{200, map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip"}, "\x1f\x8b"}
		}, []string{"warning: " + openidPath + `: The document is encoded ("gzip")`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, test.change)
			expect(t, text(examine(t, doctor.Config{URL: s.URL})), s.URL, test.want)
		})
	}
}

// s0 stands for the origin of a server in what is expected.
const s0 = "http://server"

func expect(t *testing.T, got, origin string, want []string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(got, origin, s0)), "\n")
	if len(lines) != len(want) {
		t.Fatalf("found\n%s\nwant %q", got, want)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("found %s\nwant %s", line, want[i])
		}
	}
}

// openid returns a server's metadata with what OpenID Connect requires.
func openid(s *server) string {
	return strings.TrimSuffix(s.metadata(), "}") + `,"jwks_uri":"` + s.URL + `/jwks","subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
}

// A URL with a path has more locations. Those of its origin may be of another issuer.
func TestURLWithAPath(t *testing.T) {
	s := newServer(t, func(s *server) {
		s.pages[asPath+"/p"] = document(strings.Replace(s.metadata(), `"issuer":"`+s.URL, `"issuer":"`+s.URL+"/p", 1))
	})
	expect(t, text(examine(t, doctor.Config{URL: s.URL + "/p"})), s.URL, []string{""})
	if n := len(s.requests); n != 13 {
		t.Errorf("%d requests were sent", n)
	}
	s.replace(`"issuer":"`+s.URL, `"issuer":"https://a`)
	expect(t, text(examine(t, doctor.Config{URL: s.URL + "/p"})), s.URL, []string{
		"warning: " + asPath + `: Some clients fall back to this location, and find the issuer "https://a"`})
	s.replace()
	expect(t, text(examine(t, doctor.Config{URL: s.URL + "/q"})), s.URL, []string{
		`problem: metadata: There is no metadata at the locations of "` + s0 + `/q", only at those of its origin. Few clients look there. Let clients start at "` + s0 + `"`})
}
