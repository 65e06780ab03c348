package proxy_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/proxy"
)

// At introspection the client chooses between JSON and a JWT, and the gateway can read both.
func TestA195AcceptAtIntrospection(t *testing.T) {
	for client, want := range map[string]string{
		"":                                      "application/json",
		"*/*":                                   "application/json",
		"application/jwt":                       "application/jwt, application/json;q=0.1",
		"application/token-introspection+jwt":   "application/token-introspection+jwt, application/json;q=0.1",
		"Application/JWT ;\tQ=0.50 ,text/html":  "Application/JWT ;\tQ=0.50, application/json;q=0.1",
		"application/json, application/jwt;q=1": "application/json, application/jwt;q=1",
		"application/jwt;q=0.2, application/json;q=0.9, application/xml": "application/jwt;q=0.2, application/json;q=0.9",
		"application/jwt, application/json;q=0":                          "application/jwt, application/json;q=0.1",
		"application/json, application/jwt;q=0":                          "application/json",
		"application/json;q=0.000":                                       "application/json",
		"application/jwt, application/json;charset=utf-8":                "application/jwt, application/json;q=0.1",
		"application/jwt;q=2":                                            "application/json",
		`application/jwt;q="0.5"`:                                        "application/json",
		`application/x-y;a="b,application/jwt"`:                          "application/json",
		`application/x-y;a="b,application/jwt,c"`:                        "application/jwt, application/json;q=0.1",
		"application/jwtx":                                               "application/json",
	} {
		for endpoint, want := range map[clientauth.Endpoint]string{clientauth.Introspection: want, clientauth.Token: "application/json"} {
			var got string
			serve(endpointOver(t, func(r *http.Request) (*http.Response, error) {
				got = r.Header.Get("Accept")
				return respond(r, 200, http.Header{}, ""), nil
			}, at(endpoint)), "POST", "/oauth2/tokens", tokenForm, ofForm("Accept", client))
			if got != want {
				t.Errorf("%s, Accept %q: the provider received %q, want %q", endpoint, client, got, want)
			}
		}
	}
}

// What the endpoint's own query says is not the client's choice.
func TestA162EndpointsOwnFormat(t *testing.T) {
	g := newGuarded(t, func(c *proxy.Config) {
		c.Target = &url.URL{Scheme: "http", Host: "provider.example", Path: "/index.php", RawQuery: "task=token&format=raw"}
	})
	for form, want := range map[string]int{
		right: 200, right + "&format=raw": 200,
		right + "&format=xml": 400, right + "&Format=raw": 400, right + "&format=": 400, right + "&callback=raw": 400,
	} {
		if w := g.from(client, form); w.Code != want {
			t.Errorf("%s: got %d, want %d", form, w.Code, want)
		}
	}
}

func TestA162RegistrationFormat(t *testing.T) {
	g := &registering{status: 201, body: `{"client_id":"a"}`}
	if w := g.ask("POST", "/register?format=xml", "application/json", "{}"); w.Code != 400 || len(g.arrived) > 0 {
		t.Errorf("got %d %s, and the provider received %q", w.Code, w.Body, g.arrived)
	}
}

// A request for a page is a browser's, and its parameters are the provider's own.
func TestA196RegistrationPage(t *testing.T) {
	for _, test := range []struct {
		method, target, token, body string
		page                        bool
	}{
		{"GET", "/register?callback=https%3A%2F%2Fapp.example&format=html&n%C3%A4me=x", "", "", true},
		{"GET", "/register?a=1&a=2&_type=x", "Basic YXBwOng=", "", true},
		{"GET", "/register?format=html", "Bearer x", "", false},
		{"GET", "/register?format=html", "DPoP x", "", false},
		{"GET", "/register?format=html", "", "{}", false},
		{"POST", "/register?format=html", "", "{}", false},
		{"DELETE", "/register?format=html", "", "", false},
	} {
		g := &registering{status: 200, header: http.Header{"Content-Type": {"text/html"}}, body: "<h1>Sign up</h1>"}
		header := http.Header{"Accept": {"text/html, */*;q=0.8"}, "Content-Type": {"application/json"}}
		if test.token != "" {
			header.Set("Authorization", test.token)
		}
		w := serve(g.handler(), test.method, test.target, test.body, header)
		passed := w.Code == 200 && len(g.arrived) == 1 && g.accept == "text/html, */*;q=0.8" && strings.Contains(g.log.String(), "outcome=accepted")
		if passed != test.page || !passed && w.Code != 400 {
			t.Errorf("%s %s with %q and %q: got %d, the provider received %q, Accept %q, logged %s", test.method, test.target, test.token, test.body, w.Code, g.arrived, g.accept, &g.log)
		}
	}
}
