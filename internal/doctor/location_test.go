package doctor_test

import (
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/doctor"
)

// Each row changes a page of a sound server, and lists the beginnings of all findings.
func TestFindings(t *testing.T) {
	const none = "problem: metadata: There is no metadata at any location"
	html := page{200, map[string]string{"Content-Type": "text/html"}, "<!doctype html>"}
	good := document(sound)
	for _, test := range []struct {
		name, path string
		page       page // its body has s0 for the server's origin
		want       []string
	}{
		{"html", asPath, html, []string{"problem: " + asPath + ": The provider has no metadata document there: the response with status 200 and text/html is empty or not a JSON object. Some clients give up there", none}},
		{"failure", asPath, page{status: 503}, []string{"problem: " + asPath + ": The provider answered the metadata request with status 503. Some clients give up there; at 404 they try the next location. Read the log of the provider. Where there is no document, answer with 404. oauthgw does this for a page, and for an error if another location has the document.", none}},
		{"failure at a later location", openidPath, page{status: 500}, []string{"warning: " + openidPath + ": The provider answered the metadata request with status 500."}},
		{"forbidden", openidPath, page{status: 403}, []string{"warning: " + openidPath + ": The provider answered the metadata request with status 403."}},
		{"misdirected", asPath, page{status: 421}, []string{"problem: " + asPath + ": The provider answered the metadata request with status 421 (Misdirected Request), because it does not serve the host name of the request.", none}},
		{"redirect", openidPath, page{302, map[string]string{"Location": asPath}, ""}, []string{"warning: " + openidPath + ": The provider answered the metadata request with status 302, a redirect to another path, which may be a login page."}},
		{"compressed", openidPath, document("\x1f\x8b").with("Content-Encoding", "gzip"), []string{"warning: " + openidPath + ": The metadata document has a content coding other than gzip, or a damaged one."}},
		{"status 201 and nulls", asPath, page{201, good.header, strings.Replace(sound, "{", `{"x":null,"jwks_uri":"",`, 1)},
			[]string{"warning: " + asPath + `: Some clients reject the document, because it has status 201, members that are null or empty and must be left out ("x", "jwks_uri"). Correct it at the provider; oauthgw serves it correctly.`}},
		{"byte order mark", asPath, document("\ufeff" + sound), []string{"warning: " + asPath + ": Some clients reject the document, because it has a byte order mark."}},
		{"no members", asPath, document("{}"), []string{"problem: " + asPath + ": The provider has no metadata document there: the JSON object names no issuer.", none}},
		{"no issuer", asPath, document(`{"token_endpoint":"https://a/t"}`), []string{"problem: " + asPath + ": The provider has no metadata document there: the JSON object names no issuer. " +
			"Some clients give up there; at 404 they try the next location. Name the issuer at the provider, or set public_url in oauthgw to the origin of token_endpoint.", none}},
		{"login elsewhere", asPath, page{302, map[string]string{"Location": "https://sso.example/"}, ""}, []string{"problem: " + asPath + ": The provider answered the metadata request with status 302, a redirect to another origin.", none}},
		{"no members for OpenID", openidPath, good,
			[]string{"warning: " + openidPath + ": The document is at an OpenID Connect location but lacks jwks_uri, subject_types_supported, id_token_signing_alg_values_supported."}},
		{"different issuers", openidPath, document(strings.Replace(strings.TrimSuffix(sound, "}"), `"issuer":"`+s0, `"issuer":"`+s0+"/x", 1) +
			`,"jwks_uri":"` + s0 + `/jwks","subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`),
			[]string{`problem: issuer at ` + openidPath + `: Clients that start at "` + s0 + `" find the issuer "` + s0 + `/x"`}},
		{"repeated member", asPath, document(strings.Replace(sound, `"issuer"`, `"issuer":"a","issuer"`, 1)), []string{"problem: " + asPath + ": The metadata document cannot be read: the JSON object holds a member twice.", none}},
		{"truncated", asPath, document(sound[:99]), []string{"problem: " + asPath + ": The metadata document cannot be read: it is not JSON,", none}},
		{"large", asPath, document(sound + strings.Repeat(" ", 300<<10)), []string{"problem: " + asPath + ": The metadata document is larger than 256 KiB.", none}},
		{"no document", asPath, page{status: 404}, []string{none}},
		{"resource of another server", resourcePath, document(`{"resource":"a","authorization_servers":["https://a"]}`),
			[]string{"problem: " + resourcePath + `: The protected resource sends clients to "https://a"`}},
		{"resource of several servers", resourcePath, document(`{"resource":"a","authorization_servers":["` + s0 + `","https://a"]}`),
			[]string{"note: " + resourcePath + `: The protected resource sends clients to "https://a"`}},
		{"resource of the server with a slash", resourcePath, document(`{"authorization_servers":["` + s0 + `/"]}`),
			[]string{"problem: " + resourcePath + `: The protected resource sends clients to "` + s0 + `/"`}},
		{"no CORS", asPath, good.with("Access-Control-Allow-Origin", "https://a"), []string{"note: other origins: A page of an origin that the server does not know cannot read the metadata (CORS)"}},
		{"charset", asPath, good.with("Content-Type", "application/json; charset=utf-8"), []string{"note: " + asPath + ": The document has the Content-Type"}},
		{"no caching", asPath, good.with("Cache-Control", ""), []string{"note: " + asPath + ": The document has no Cache-Control"}},
		{"long caching", asPath, good.with("Cache-Control", `public, max-age="172800"`), []string{"warning: " + asPath + ": The document may be cached for more than a day"}},
		{"text", asPath, good.with("Content-Type", "text/plain"), []string{"problem: " + asPath + `: The document has the Content-Type "text/plain"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, func(s *server) {
				test.page.body = strings.ReplaceAll(test.page.body, s0, s.URL)
				s.pages[test.path] = test.page
			})
			expect(t, text(examine(t, doctor.Config{URL: s.URL})), s.URL, test.want)
		})
	}
}

// s0 stands for the origin of a server in what is expected.
const s0 = "http://server"

func expect(t *testing.T, got, origin string, want []string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(got, origin, s0)), "\n")
	if !slices.EqualFunc(lines, want, strings.HasPrefix) {
		t.Errorf("found\n%s\nwant %q", got, want)
	}
}

// The doctor follows a redirect to the location with a slash, as the gateway does, and no other.
func TestD02Redirect(t *testing.T) {
	s := newServer(t, func(s *server) {
		s.pages[asPath+"/"] = s.pages[asPath]
		s.pages[asPath] = page{301, map[string]string{"Location": asPath + "/"}, ""}
	})
	expect(t, text(examine(t, doctor.Config{URL: s.URL})), s.URL, []string{"warning: " + asPath + ": Some clients reject the document, because it has a redirect in front of it.",
		"note: other origins: A page of an origin that the server does not know cannot read the metadata"})
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
