package doctor

import (
	"errors"
	"net/http"
	"testing"

	"oauthgw/clientauth"
)

// said returns an answer without any fault but those of its parts.
func said(m clientauth.Method, status int, body string) answer {
	h := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}
	if status == 401 {
		h.Set("WWW-Authenticate", `Bearer realm="a, Basic b", basic realm="c"`)
	}
	return newStranger().read(m, reply{status: status, header: h, body: []byte(body)})
}

const (
	unknownClient = `{"error":"invalid_client","error_description":"The client credentials are invalid"}`
	noClient      = `{"error":"invalid_request","error_description":"Missing client_id parameter"}`
)

// What the two answers tell of where credentials are read.
func TestReadings(t *testing.T) {
	for _, test := range []struct {
		name, basic, post string
		want              reading
	}{
		{"both", unknownClient, unknownClient, readsBoth},
		{"form", noClient, unknownClient, readsForm},
		{"form, told by the words alone", `{"error":"invalid_client","error_description":"client-id is required"}`, unknownClient, readsForm},
		{"form, told by another error", `{"error":"unsupported_grant_type"}`, unknownClient, readsForm},
		{"form, told by a page", `<html>`, unknownClient, readsForm},
		{"form, told by what comes after the client", `{"error":"invalid_request"}`, `{"error":"invalid_grant"}`, readsForm},
		{"basic", unknownClient, noClient, readsBasic},
		{"basic, told by what comes after the client", `{"error":"invalid_grant"}`, `{"error":"invalid_request"}`, readsBasic},
		{"basic, told by the words alone", unknownClient, `{"error":"invalid_client","error_description":"No client_id"}`, readsBasic},
		{"neither", noClient, noClient, unclear},
		{"a client_id that is no UUID", `{"error":"invalid_request","error_description":"client_id is no UUID"}`, `{"error":"invalid_request","error_description":"client_id is no UUID"}`, unclear},
		{"other words for an unknown client", `{"error":"unauthorized_client"}`, `{"error":"unauthorized_client"}`, unclear},
		{"other errors", `{"error":"invalid_grant"}`, `{"error":"access_denied"}`, unclear},
	} {
		if got := readingOf(said(clientauth.Basic, 400, test.basic), said(clientauth.Post, 400, test.post)); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

// What works against what is listed.
func TestPromises(t *testing.T) {
	const unread = "token endpoint: Credentials that come by HTTP Basic (client_secret_basic) are not read"
	for _, test := range []struct {
		name, list, basic, post string
		want                    []string
	}{
		{"nothing listed, both read", ``, unknownClient, unknownClient, nil},
		{"nothing listed, form read", ``, noClient, unknownClient, []string{"problem: " + unread}},
		{"post listed, form read", `["client_secret_post"]`, noClient, unknownClient, []string{"problem: " + unread}},
		{"post listed, both read", `["client_secret_post"]`, unknownClient, unknownClient, []string{"note: token endpoint: Basic is answered like post, but the metadata does not list client_secret_basic"}},
		{"no secrets listed", `["none"]`, noClient, unknownClient, []string{"note: " + unread}},
		{"post listed, Basic read", `["client_secret_post"]`, unknownClient, noClient, []string{"problem: token endpoint: The metadata lists client_secret_post, but"}},
		{"Basic listed, Basic read", `["client_secret_basic"]`, unknownClient, noClient, []string{"note: token endpoint: Credentials in the form are not read"}},
		{"Basic listed, form read", `["client_secret_basic"]`, noClient, unknownClient, []string{"problem: " + unread}},
		{"unclear", ``, noClient, noClient, []string{"note: token endpoint: The answers do not tell whether the client was read."}},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := `{"issuer":"https://a"}`
			if test.list != "" {
				document = `{"token_endpoint_auth_methods_supported":` + test.list + `}`
			}
			o := seen(document)
			e := endpoint{name: clientauth.Token, basic: said(clientauth.Basic, 401, test.basic), post: said(clientauth.Post, 401, test.post)}
			expect(t, judgeEndpoint(methodsOf(o.locations[0], e.name), e), test.want...)
		})
	}
}

// What answers lack. Each row changes both.
func TestAnswers(t *testing.T) {
	both := "The answer to Basic and to post "
	for _, test := range []struct {
		name   string
		at     clientauth.Endpoint
		status int
		body   string
		change func(*answer)
		want   []string
	}{
		{"sound", clientauth.Token, 401, unknownClient, nil, nil},
		{"cut off", clientauth.Token, 401, unknownClient, func(a *answer) { a.err = errors.New("x") }, []string{"problem: token endpoint: " + both + `did not arrive: "x".`}},
		{"failure", clientauth.Token, 502, "", nil, []string{"problem: token endpoint: " + both + "has status 502"}},
		{"redirect", clientauth.Token, 307, "", nil, []string{"problem: token endpoint: " + both + "is a redirect (status 307)"}},
		{"not there", clientauth.Token, 404, "", nil, []string{"problem: token endpoint: " + both + "has status 404"}},
		{"another method", clientauth.Revocation, 405, "", nil, []string{"problem: revocation endpoint: " + both + "has status 405"}},
		{"busy", clientauth.Token, 429, "", nil, []string{"note: token endpoint: " + both + "has status 429"}},
		{"a page", clientauth.Token, 400, "<html>", nil, []string{"note: token endpoint: The answers do not tell", "problem: token endpoint: " + both + "(status 400) is no JSON object"}},
		{"another shape", clientauth.Token, 400, `{"message":"x"}`, nil, []string{"note: token endpoint: The answers do not tell", "problem: token endpoint: " + both + "(status 400) has no member error"}},
		{"another content type", clientauth.Token, 401, unknownClient, func(a *answer) { a.header.Set("Content-Type", "text/json") }, []string{"warning: token endpoint: " + both + `has the Content-Type "text/json"`}},
		{"error with 200", clientauth.Token, 200, unknownClient, nil, []string{"problem: token endpoint: " + both + "has status 200, although the client does not exist. Clients take that for success"}},
		{"revocation by anyone", clientauth.Revocation, 200, "", nil, []string{"note: revocation endpoint: " + both + "has status 200, although the client does not exist: the endpoint authenticates nobody"}},
		{"400 for 401", clientauth.Token, 400, unknownClient, nil, []string{"warning: token endpoint: The answer to Basic is invalid_client with status 400."}},
		{"no challenge", clientauth.Token, 401, unknownClient, func(a *answer) { a.header.Del("WWW-Authenticate") }, []string{"warning: token endpoint: " + both + "is a 401 without WWW-Authenticate"}},
		{"another challenge", clientauth.Token, 401, unknownClient, func(a *answer) { a.header.Set("WWW-Authenticate", `Bearer realm="x, Basic"`) }, []string{"warning: token endpoint: The answer to Basic is a 401 that does not challenge for Basic"}},
		{"may be kept", clientauth.Token, 401, unknownClient, func(a *answer) { a.header.Set("Cache-Control", "no-cache") }, []string{"warning: token endpoint: " + both + "lacks Cache-Control: no-store."}},
		{"may be kept, without tokens", clientauth.Revocation, 401, unknownClient, func(a *answer) { a.header.Del("Cache-Control") }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := endpoint{name: test.at, basic: said(clientauth.Basic, test.status, test.body), post: said(clientauth.Post, test.status, test.body)}
			if test.change != nil {
				test.change(&e.basic)
				test.change(&e.post)
			}
			expect(t, judgeEndpoint(methods{names: []string{"client_secret_basic"}}, e), test.want...)
		})
	}
}

// A server that fails at Basic alone is helped by oauthgw as well.
func TestServerThatFailsAtBasic(t *testing.T) {
	e := endpoint{name: clientauth.Token, basic: said(clientauth.Basic, 500, ""), post: said(clientauth.Post, 401, unknownClient)}
	expect(t, judgeEndpoint(methods{absent: true, names: []string{"client_secret_basic"}}, e),
		"problem: token endpoint: Credentials that come by HTTP Basic", "problem: token endpoint: The answer to Basic has status 500")
}
