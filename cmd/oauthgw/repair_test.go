package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oauthgw/internal/config"
)

// TestQ13D11ProtectedParameters checks that check and the start refuse repairs of what must reach
// the provider as the client sent it, with the line and the key.
func TestQ13D11ProtectedParameters(t *testing.T) {
	for text, want := range map[string]string{
		"repair:\n  requests:\n    remove: [state]":              ":4: repair.requests.remove: state cannot be listed here",
		"repair: {requests: {remove: [scope]}}":                  ":2: repair.requests.remove: scope cannot be listed here",
		"repair: {requests: {set_if_absent: {claims: x}}}":       ":2: repair.requests.set_if_absent.claims: claims cannot be listed here",
		"repair: {requests: {scope: {rename: {a: b c}}}}":        ":2: repair.requests.scope.rename.a: ",
		"repair: {requests: {scope: {default: \"a\\tb\"}}}":      ":2: repair.requests.scope.default: ",
		"repair: {requests: {scope: {rename: {a: b, b: c}}}}":    ":2: repair.requests.scope: must not remove or rename a scope that rename or default sets",
		"repair: {requests: {scope: {remove: [a], default: a}}}": ":2: repair.requests.scope: must not remove or rename a scope that rename or default sets",
		"repair: {requests: {remove: resource}}":                 ":2: repair.requests.remove: must be a list",
		"repair: {requests: {removed: [resource]}}":              ":2: repair.requests.removed: unknown key",
		"client_auth: {repeatable: [permission, code]}":          ":2: client_auth.repeatable: code cannot be listed here",
		"client_auth: {repeatable: [Refresh-Token]}":             ":2: client_auth.repeatable: Refresh-Token cannot be listed here",
		"client_auth: {repeatable: [code_challenge_method]}":     ":2: client_auth.repeatable: code_challenge_method cannot be listed here",
	} {
		file := configFile(t, text+"\n")
		for _, args := range [][]string{{"check", "--config.file=" + file}, {"check", "--offline", "--config.file=" + file}, {"serve", "--config.file=" + file}} {
			if _, _, err := invoke(t, args...); !strings.HasPrefix(errorText(err), file+want) {
				t.Errorf("%s %q: got %v", args[0], text, err)
			}
		}
	}
}

// TestUnrepairedAuthorization checks that check, the start and the status page report that
// authorization requests are not repaired although others are.
func TestUnrepairedAuthorization(t *testing.T) {
	const repairs = "repair: {requests: {remove: [resource]}}\n"
	elsewhere := strings.Replace(honest, "https://a/a", "https://b/a", 1) + `,"scopes_supported":["a"]}`
	for _, test := range []struct{ document, config, want string }{
		{honest + `}`, repairs, ""},
		{honest + `}`, repairs + "endpoints: {token: /t, authorization: /a}\n", ""},
		{elsewhere, "", ""},
		{honest + `}`, repairs + "endpoints: {token: /t}\n", "repair.requests does not change authorization requests, because endpoints.authorization is missing."},
		{elsewhere, repairs, "repair.requests does not change authorization requests, because the metadata names no authorization_endpoint on the origin that clients use."},
		{elsewhere, repairs + "endpoints: {token: /t, authorization: /a}\n", `endpoints.authorization is fronted at /a, but the metadata sends clients to "https://b/a", where requests are neither checked nor repaired.`},
		{honest + `}`, repairs + "endpoints: {token: /t, authorization: /b}\n", `endpoints.authorization is fronted at /b, but the metadata sends clients to "/a", where requests are neither checked nor repaired.`},
		{honest + `}`, "endpoints: {token: /t, authorization: /a}\n", "warning: endpoints.authorization: has no effect without repair.requests"},
	} {
		provider := startMetadataProvider(t, test.document)
		file := configFile(t, test.config)
		out, _, err := invoke(t, "check", "--config.file="+file, "--upstream.url="+provider)
		if err != nil || test.want == "" && strings.Contains(out, "repair") || !strings.Contains(out, test.want) {
			t.Errorf("%s: got %v\n%s", test.config, err, out)
		}
		if !strings.HasPrefix(test.want, "repair.requests") {
			continue
		}
		g := startProgram(t, provider, test.config)
		eventually(t, "the problem in the log", func() bool { return strings.Contains(g.log.String(), test.want) })
		if page := fetch(t, "http://"+g.admin+"/", ""); !strings.Contains(page, test.want) {
			t.Errorf("the status page lacks the problem:\n%s", page)
		}
	}
}

// TestAuthorizationWithoutPassthrough checks that the authorization endpoint of the metadata is
// fronted, although no other path is, that clients find it, and that its log line names it.
func TestAuthorizationWithoutPassthrough(t *testing.T) {
	var got string
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/oauth-authorization-server") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, strings.Replace(honest, "https://a/a", "https://a/login?tenant=1", 1)+`}`)
			return
		}
		got = r.Method + " " + r.URL.RequestURI()
		http.Redirect(w, r, "https://app.example/cb", http.StatusFound)
	}))
	t.Cleanup(provider.Close)
	g := startGateway(t, fileSettings(t, provider.URL, "passthrough: false\npublic_url: https://c\nmetadata: {issuer: rewrite}\n"+
		"repair: {requests: {remove: [resource], set_if_absent: {audience: b}}}\n"))
	if md := fetch(t, "http://"+g.data+"/.well-known/oauth-authorization-server", ""); !strings.Contains(md, `"authorization_endpoint":"https://c/login?tenant=1"`) {
		t.Errorf("clients do not find the endpoint: %s", md)
	}
	for path, want := range map[string]string{
		"/login?tenant=1&client_id=a&resource=b": "HTTP/1.1 302 Found",
		"/login?tenant=2&client_id=a&resource=b": "HTTP/1.1 404 Not Found",
		"/login?client_id=a&resource=b":          "HTTP/1.1 404 Not Found",
	} {
		if answer := send(t, g.data, "GET "+path+" HTTP/1.1\nHost: c\n"); !strings.HasPrefix(answer, want) {
			t.Errorf("%s: got %s", path, answer)
		}
	}
	if want := "GET /login?tenant=1&client_id=a&audience=b"; got != want {
		t.Errorf("the provider got %s, want %s", got, want)
	}
	if page := fetch(t, "http://"+g.admin+"/", ""); !strings.Contains(page, "<code>/login</code></td><td role=\"cell\" data-label=\"Translation\">none; requests are checked and repaired as configured") {
		t.Errorf("the status page lacks the endpoint:\n%s", page)
	}
	if log := g.stop(); !strings.Contains(log, `"endpoint":"authorization","status":302,"end":"complete","method":"GET","path":"/login","repairs":"requests.remove,requests.set_if_absent"`) {
		t.Errorf("got %s", log)
	}
}

// TestAuthorizationWithoutProvider checks that a failure at the authorization endpoint counts
// there.
func TestAuthorizationWithoutProvider(t *testing.T) {
	const nowhere = "http://127.0.0.1:1" // the port of a closed server may get another one
	g := startGateway(t, testSettings(t, nowhere, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"authorization": "/a"}, "a"
		c.Repair.Requests.Remove = []string{"resource"}
	}))
	send(t, g.data, "GET /a HTTP/1.1\nHost: a\n")
	if exposition := g.settledMetrics(t); !strings.Contains(exposition, `oauthgw_upstream_errors_total{endpoint="authorization",reason="unreachable"} 1`) {
		t.Error(exposition)
	}
}
