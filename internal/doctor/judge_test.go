package doctor

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const sound = `"response_types_supported":["code"],"authorization_endpoint":"https://a/a","token_endpoint":"https://a/t","code_challenge_methods_supported":["S256"]`

// seen returns what is seen of https://a where the documents are at its
// locations. An empty one is a 404.
func seen(documents ...string) observation {
	begin, _ := url.Parse("https://a")
	o := observation{url: "https://a", begin: begin, now: time.Now(), resource: location{reply: reply{status: 404}}}
	o.shared = reply{status: 200, header: http.Header{"Access-Control-Allow-Origin": {foreignPage}}}
	for i, l := range places(begin) {
		r := reply{status: 404}
		if i < len(documents) && documents[i] != "" {
			r = reply{status: 200, body: []byte(documents[i]), header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"max-age=60"}}}
		}
		o.locations = append(o.locations, read(l, r))
	}
	return o
}

func lines(found []Finding) []string {
	var lines []string
	for _, f := range found {
		lines = append(lines, f.Severity.String()+": "+f.Subject+": "+f.What)
	}
	return lines
}

// expect compares findings with their beginnings.
func expect(t *testing.T, found []Finding, want ...string) {
	t.Helper()
	got := lines(found)
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, f := range found {
		if f.Do == "" || !strings.HasSuffix(f.Do, ".") || !strings.HasSuffix(f.What, ".") {
			t.Errorf("no sentences: %+v", f)
		}
	}
}

func TestDocuments(t *testing.T) {
	for _, test := range []struct {
		name, document string
		want           []string
	}{
		{"sound", `{"issuer":"https://a",` + sound + `}`, nil},
		{"no members", `{"issuer":"https://a"}`, []string{"problem: metadata: It lacks response_types_supported", "problem: metadata: It lacks token_endpoint",
			"problem: metadata: It lacks authorization_endpoint", "warning: metadata: It has no code_challenge_methods_supported"}},
		{"no users", `{"issuer":"https://a","response_types_supported":["none"],"token_endpoint":"https://a/t","grant_types_supported":["client_credentials"]}`, nil},
		{"plain PKCE", `{"issuer":"https://a",` + strings.Replace(sound, "S256", "plain", 1) + `}`, []string{"problem: metadata: It does not list S256"}},
		{"PKCE of no text", `{"issuer":"https://a",` + strings.Replace(sound, `["S256"]`, "7", 1) + `}`, []string{"warning: metadata: It has no code_challenge_methods_supported"}},
		{"repeated member", `{"issuer":"https://a","issuer":"https://b",` + sound + `}`, []string{"problem: /.well-known/oauth-authorization-server: The document holds a member twice", "problem: metadata: There is no metadata"}},
		{"cut off", `{"issuer":"https://a",`, []string{"problem: /.well-known/oauth-authorization-server: The document cannot be read: it is not JSON", "problem: metadata: There is no metadata"}},
		{"array", `["issuer"]`, []string{"problem: /.well-known/oauth-authorization-server: It is answered with status 200 and something that is no JSON object", "problem: metadata: There is no metadata"}},
		{"no issuer", `{` + sound + `}`, []string{"problem: issuer: The document at /.well-known/oauth-authorization-server names no issuer"}},
		{"foreign issuer", `{"issuer":"https://b","authorization_response_iss_parameter_supported":true,` + sound + `}`,
			[]string{`problem: issuer: Clients that begin at "https://a" find the issuer "https://b"`, `warning: issuer: Authorization responses name their issuer (RFC 9207), "https://b"`}},
		{"own response issuer", `{"issuer":"https://a","authorization_response_iss_parameter_supported":true,` + sound + `}`, nil},
		{"signed", `{"issuer":"https://a","signed_metadata":"x",` + sound + `}`, []string{"note: metadata: It holds signed_metadata"}},
		{"empty lists", `{"issuer":"https://a","x":[],"y":[ ],"z":null,"n":[0],` + sound + `}`, []string{`warning: metadata: It holds lists without elements: "x", "y".`}},
		{"none beside registration", `{"issuer":"https://a","registration_endpoint":"https://a/r","token_endpoint_auth_methods_supported":["none"],` + sound + `}`, []string{"note: metadata: It lists the method none"}},
		{"plain http", `{"issuer":"https://a","jwks_uri":"http://a/j","revocation_endpoint":"http://127.0.0.1/r",` + sound + `}`,
			[]string{`problem: metadata: These are plain http on another host, where secrets and tokens can be read and which strict clients refuse (RFC 6749 sections 3.1 and 3.2): "jwks_uri".`, `warning: metadata: These are at "http://127.0.0.1" and not at https://a: "revocation_endpoint".`}},
		{"no URLs", `{"issuer":"https://a","jwks_uri":"/j","x_endpoint":7,` + sound + `}`, []string{`problem: metadata: These are no absolute http or https URLs, and no client can use them: "jwks_uri", "x_endpoint".`}},
		{"other origins", `{"issuer":"https://a","jwks_uri":"https://b/j",` + sound + `}`, []string{`note: metadata: These are at "https://b" and not at https://a: "jwks_uri".`}},
		{"default port", `{"issuer":"https://a","jwks_uri":"https://A:443/j",` + sound + `}`, nil},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, judge(seen(test.document)), test.want...) })
	}
}

func TestLocationsWithDifferentIssuers(t *testing.T) {
	o := seen(`{"issuer":"https://a",`+sound+`}`, `{"issuer":"https://a/",`+sound+`}`)
	expect(t, judgeIssuers(o), `problem: issuer: The issuer at /.well-known/openid-configuration is "https://a/" and the URL given is "https://a": only a slash`,
		`problem: issuer: The locations name different issuers: "https://a", "https://a/".`)
	expect(t, judgeDifferences(o))
}

func TestDifferencesAreOfValues(t *testing.T) {
	o := seen(`{"issuer":"https://a","x":[1, {"y":2}],"only":0}`, `{"issuer":"https://a","x":[1,{"y":2.0}]}`)
	expect(t, judgeDifferences(o), `note: /.well-known/openid-configuration: This document and the one at /.well-known/oauth-authorization-server do not have the same members: one of them lacks "only".`)
}

func TestConnections(t *testing.T) {
	for _, test := range []struct {
		name, url string
		reply     reply
		want      []string
	}{
		{"sound", "https://a", reply{status: 404, certificate: &x509.Certificate{NotAfter: time.Now().Add(15 * 24 * time.Hour)}}, nil},
		{"certificate that ends", "https://a", reply{status: 404, certificate: &x509.Certificate{NotAfter: time.Now().Add(13 * 24 * time.Hour)}}, []string{"warning: connection: The certificate ends on "}},
		{"plain http", "http://a", reply{status: 404}, []string{"problem: connection: The URL is plain http"}},
		{"plain http on this host", "http://localhost:1", reply{status: 404}, nil},
		{"nobody there", "http://a", reply{err: errors.New("x")}, []string{"problem: connection: The URL is plain http", `problem: connection: The server cannot be reached: "x".`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			expect(t, judgeConnection(observation{url: test.url, now: time.Now(), locations: []location{{reply: test.reply}}}), test.want...)
		})
	}
}

func TestQuoteAll(t *testing.T) {
	if got := quoteAll([]string{"a", "b", "c", "d", "e", "f", "g"}); got != `"a", "b", "c", "d", "e" and 2 more` {
		t.Errorf("got %s", got)
	}
}
