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

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/wellknown"
)

// expect compares findings with their beginnings.
func expect(t *testing.T, found wellknown.Findings, want ...string) {
	t.Helper()
	var got []string
	for _, f := range found {
		got = append(got, string(f.Severity)+": "+f.Subject+": "+f.Problem)
		if !strings.HasSuffix(f.Fix, ".") || !strings.HasSuffix(f.Problem, ".") {
			t.Errorf("not sentences: %+v", f)
		}
	}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// answered returns an answer without violations but those of its parts.
func answered(m clientauth.Method, status int, body string) answer {
	h := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}
	if status == 401 {
		h.Set("WWW-Authenticate", `Bearer realm="a, Basic b", basic realm="c"`)
	}
	return (&client{id: "probe", secret: "made up"}).parse(m, response{status: status, header: h, body: []byte(body)})
}

const (
	unknownClient = `{"error":"invalid_client","error_description":"The client credentials are invalid"}`
	noClient      = `{"error":"invalid_request","error_description":"Missing client_id parameter"}`
)

// Where the credentials are read compared with the listed methods.
func TestCheckCredentials(t *testing.T) {
	const unread = "token endpoint: Credentials sent by HTTP Basic (client_secret_basic) are not read"
	const unreadForm = "token endpoint: Credentials in the form (client_secret_post) are not read"
	const unclear = "note: token endpoint: The answers do not show whether the credentials were read."
	for _, test := range []struct {
		name, list, basic, post string
		want                    []string
	}{
		{"nothing listed, both read", ``, unknownClient, unknownClient, nil},
		{"nothing listed, form read", ``, noClient, unknownClient, []string{"problem: " + unread}},
		{"post listed, form read", `["client_secret_post"]`, noClient, unknownClient, []string{"problem: " + unread}},
		{"post listed, both read", `["client_secret_post"]`, unknownClient, unknownClient, []string{"note: token endpoint: Basic is answered like post, but the metadata does not list client_secret_basic"}},
		{"no secrets listed", `["none"]`, noClient, unknownClient, []string{"note: " + unread}},
		{"post listed, Basic read", `["client_secret_post"]`, unknownClient, noClient, []string{"problem: " + unreadForm}},
		{"Basic listed, Basic read", `["client_secret_basic"]`, unknownClient, noClient, []string{"note: " + unreadForm}},
		{"nothing listed, Basic read", ``, unknownClient, noClient, []string{"note: " + unreadForm}},
		{"Basic listed, form read", `["client_secret_basic"]`, noClient, unknownClient, []string{"problem: " + unread}},
		{"form, by the description alone", ``, `{"error":"invalid_client","error_description":"client-id is required"}`, unknownClient, []string{"problem: " + unread}},
		{"form, by another error", ``, `{"error":"unsupported_grant_type"}`, unknownClient, []string{"problem: " + unread}},
		{"form, by a page", ``, `<html>`, unknownClient, []string{"problem: " + unread}},
		{"form, by what is checked after the client", ``, `{"error":"invalid_request"}`, `{"error":"invalid_grant"}`, []string{"problem: " + unread}},
		{"basic, by what is checked after the client", `["client_secret_post"]`, `{"error":"invalid_grant"}`, `{"error":"invalid_request"}`, []string{"problem: " + unreadForm}},
		{"basic, by the description alone", `["client_secret_post"]`, unknownClient, `{"error":"invalid_client","error_description":"No client_id"}`, []string{"problem: " + unreadForm}},
		{"client_id not a UUID", ``, `{"error":"invalid_request","error_description":"client_id is no UUID"}`, `{"error":"invalid_request","error_description":"client_id is no UUID"}`, []string{unclear}},
		{"another error for an unknown client", ``, `{"error":"unauthorized_client"}`, `{"error":"unauthorized_client"}`, []string{unclear}},
		{"other errors", ``, `{"error":"invalid_grant"}`, `{"error":"access_denied"}`, []string{unclear}},
		{"unclear", ``, noClient, noClient, []string{unclear}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var md wellknown.Metadata
			if test.list != "" {
				md.Object, _ = jsonobject.Parse([]byte(`{"token_endpoint_auth_methods_supported":` + test.list + `}`))
			}
			e := endpoint{name: clientauth.Token, basic: answered(clientauth.Basic, 401, test.basic), post: answered(clientauth.Post, 401, test.post)}
			var found wellknown.Findings
			checkCredentials(&found, md, e)
			expect(t, found, test.want...)
		})
	}
}

// What is wrong with the answers. Each row changes both.
func TestResponseRules(t *testing.T) {
	const at, both = "token endpoint: ", "token endpoint: The answer to Basic and to post "
	var md wellknown.Metadata
	for _, test := range []struct {
		name   string
		at     clientauth.Endpoint
		status int
		body   string
		change func(*answer)
		want   []string
	}{
		{"sound", clientauth.Token, 401, unknownClient, nil, nil},
		{"cut off", clientauth.Token, 401, unknownClient, func(a *answer) { a.err = errors.New("x") }, []string{"problem: " + both + `did not arrive: "x".`}},
		{"failure", clientauth.Token, 502, "", nil, []string{"problem: " + both + "has status 502"}},
		{"redirect", clientauth.Token, 307, "", nil, []string{"problem: " + both + "is a redirect (status 307)"}},
		{"not found", clientauth.Token, 404, "", nil, []string{"problem: " + both + "has status 404"}},
		{"another method", clientauth.Revocation, 405, "", nil, []string{"problem: revocation endpoint: The answer to Basic and to post has status 405"}},
		{"busy", clientauth.Token, 429, "", nil, []string{"note: " + both + "has status 429"}},
		{"page", clientauth.Token, 400, "<html>", nil, []string{"note: " + at + "The answers do not show", "problem: " + both + "(status 400) is not a JSON object with a member error"}},
		{"another object", clientauth.Token, 400, `{"message":"x"}`, nil, []string{"note: " + at + "The answers do not show", "problem: " + both + "(status 400) is not a JSON object with a member error"}},
		{"another content type", clientauth.Token, 401, unknownClient, func(a *answer) { a.header.Set("Content-Type", "text/json") }, []string{"warning: " + both + `has the Content-Type "text/json"`}},
		{"error with 200", clientauth.Token, 200, unknownClient, nil, []string{"problem: " + both + "has status 200, although the client does not exist. Clients take that for success"}},
		{"form", clientauth.Token, 401, "error=invalid_client", nil, []string{"problem: " + both + "has the error in a form and not in JSON"}},
		{"form with 200", clientauth.Token, 200, "error=invalid_client", nil, []string{"problem: " + both + "has status 200", "problem: " + both + "has the error in a form"}},
		{"page with a link", clientauth.Token, 400, `<a href="?a=1&error=x">`, nil, []string{"note: " + at + "The answers do not show", "problem: " + both + "(status 400) is not a JSON object with a member error"}},
		{"compressed", clientauth.Token, 401, "\x1f\x8b", func(a *answer) { a.header.Set("Content-Encoding", "gzip") }, []string{"note: " + at + "The answers do not show", "problem: " + both + "is compressed"}},
		{"byte order mark", clientauth.Token, 401, "\ufeff" + unknownClient, nil, []string{"problem: " + both + "begins with a byte order mark"}},
		{"revocation by any client", clientauth.Revocation, 200, "", nil, []string{"note: revocation endpoint: The answer to Basic and to post has status 200, although the client does not exist: the endpoint does not authenticate clients"}},
		{"400 for 401", clientauth.Token, 400, unknownClient, nil, []string{"warning: " + at + "The answer to Basic is invalid_client with status 400."}},
		{"no challenge", clientauth.Token, 401, unknownClient, func(a *answer) { a.header.Del("WWW-Authenticate") }, []string{"warning: " + both + "is a 401 without WWW-Authenticate"}},
		{"another challenge", clientauth.Token, 401, unknownClient, func(a *answer) { a.header.Set("WWW-Authenticate", `Bearer realm="x, Basic"`) }, []string{"warning: " + at + "The answer to Basic is a 401 that does not challenge for Basic"}},
		{"cacheable", clientauth.Token, 401, unknownClient, func(a *answer) { a.header.Set("Cache-Control", "no-cache") }, []string{"warning: " + both + "lacks Cache-Control: no-store."}},
		{"cacheable, without tokens", clientauth.Revocation, 401, unknownClient, func(a *answer) { a.header.Del("Cache-Control") }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := endpoint{name: test.at, basic: answered(clientauth.Basic, test.status, test.body), post: answered(clientauth.Post, test.status, test.body)}
			if test.change != nil {
				test.change(&e.basic)
				test.change(&e.post)
			}
			var found wellknown.Findings
			checkEndpoint(&found, md, e)
			expect(t, found, test.want...)
		})
	}
	e := endpoint{name: clientauth.Token, basic: answered(clientauth.Basic, 500, ""), post: answered(clientauth.Post, 401, unknownClient)}
	var found wellknown.Findings
	checkEndpoint(&found, md, e)
	expect(t, found, "problem: "+at+"Credentials sent by HTTP Basic", "problem: "+at+"The answer to Basic has status 500")
}

// The fix says what oauthgw in front of the server corrects always, and what with which key.
func TestRepairsInFixes(t *testing.T) {
	for _, test := range []struct {
		name         string
		status       int
		body, format string
		want         string // what the fixes say of oauthgw
	}{
		{"error with 200", 200, unknownClient, "application/json", "In oauthgw set repair.replies.error_in_200."},
		{"page with 200", 200, "<html>", "text/html", ""},
		{"form", 401, "error=invalid_client&error_description=x", "application/x-www-form-urlencoded", "In oauthgw set repair.replies.form_to_json."},
		{"form with 200", 200, "error=invalid_client", "text/plain", "In oauthgw set repair.replies.error_in_200.In oauthgw set repair.replies.form_to_json."},
		{"form as another type", 401, "error=invalid_client\n", "text/html", ""},
		{"text", 401, unknownClient, "text/plain", "oauthgw does."},
		{"no type", 401, unknownClient, "", "oauthgw does."},
		{"another type", 401, unknownClient, "application/problem+json", ""},
		{"byte order mark", 401, "\ufeff" + unknownClient, "application/json", "oauthgw does."},
		{"no challenge", 401, unknownClient, "no challenge", "oauthgw does."},
		{"no challenge and no body", 401, "", "no challenge", ""},
	} {
		a := answered(clientauth.Post, test.status, test.body)
		if a.header.Set("Content-Type", test.format); test.format == "no challenge" {
			a.header.Set("Content-Type", "application/json")
			a.header.Del("Www-Authenticate")
		}
		got := ""
		for _, f := range violations(endpoint{name: clientauth.Token}, a) {
			for sentence := range strings.SplitAfterSeq(strings.ReplaceAll(f.Fix, "; ", ". "), ". ") {
				if strings.Contains(sentence, "oauthgw") {
					got += strings.TrimSpace(sentence)
				}
			}
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCheckConnection(t *testing.T) {
	for _, test := range []struct {
		url  string
		days time.Duration // until the certificate ends
		want []string
	}{
		{"https://a", 15, nil},
		{"https://a", 13, []string{"warning: connection: The certificate ends on "}},
		{"http://a", 15, []string{"problem: connection: The URL is plain http"}},
		{"http://localhost:1", 15, nil},
	} {
		r := response{status: 404, certificate: &x509.Certificate{NotAfter: time.Now().Add(test.days * 24 * time.Hour)}}
		start, _ := url.Parse(test.url)
		var found wellknown.Findings
		checkConnection(&found, observation{start: start, locations: []location{{response: r}}})
		expect(t, found, test.want...)
	}
}
