package proxy_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/proxy"
)

// negotiating is a provider that knows no secret and chooses the form of its response
// as Express does in res.format and res.jsonp.
func negotiating(w http.ResponseWriter, r *http.Request) {
	const code = "invalid_client"
	callback := r.URL.Query().Get("callback")
	mediaType, body := "application/json", `{"error":"`+code+`"}`
	switch accept := r.Header.Get("Accept"); {
	case callback != "":
		mediaType, body = "text/javascript", "/**/ typeof "+callback+" === 'function' && "+callback+"("+body+");"
	case strings.Contains(accept, "application/xml"):
		mediaType, body = "application/xml", "<error>"+code+"</error>"
	case strings.Contains(accept, "urlencoded"):
		mediaType, body = "application/x-www-form-urlencoded", "error="+code
	case accept != "" && !strings.Contains(accept, "application/json"):
		w.WriteHeader(http.StatusNotAcceptable)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, body)
}

func TestA162ClientsDoNotChooseTheResponseFormat(t *testing.T) {
	for _, endpoint := range []clientauth.Endpoint{clientauth.Token, clientauth.Introspection} {
		for _, accept := range []string{"", "application/json", "application/xml", "application/x-www-form-urlencoded", "text/html, application/xml;q=0.9",
			"image/png", "application/token-introspection+jwt", "Application/Token-Introspection+JWT;q=1, application/xml",
			"application/json;q=0, application/xml"} {
			header := http.Header{}
			if accept != "" {
				header.Set("Accept", accept)
			}
			statuses, log := guessing(t, endpoint, negotiating, "/oauth2/tokens", header)
			expectLimit(t, statuses, log, http.StatusUnauthorized)
			if n := strings.Count(log, `"outcome":"rejected"`); n != 10 {
				t.Errorf("%s, Accept %q: %d responses were read as a rejection", endpoint, accept, n)
			}
		}
	}
}

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
			provider := func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Accept") }
			guessing(t, endpoint, provider, "/oauth2/tokens", http.Header{"Accept": {client}})
			if got != want {
				t.Errorf("%s, Accept %q: the provider received %q, want %q", endpoint, client, got, want)
			}
		}
	}
}

// The provider would answer a script, which the gateway cannot read.
func TestA162A168ParametersThatChooseTheResponse(t *testing.T) {
	for _, path := range []string{"/oauth2/tokens?callback=f", "/oauth2/tokens?jsonp=f", "/oauth2/tokens?CallBack=f", "/oauth2/tokens?format=xml", "/oauth2/tokens?_format=xml",
		"/oauth2/tokens?_envelope=1", "/oauth2/tokens?Envelope", "/oauth2/tokens?suppress_response_codes=true", "/oauth2/tokens?suppressResponseCodes=true",
		"/oauth2/tokens?_type=xml", "/oauth2/tokens?media=xml"} {
		asked := func(w http.ResponseWriter, r *http.Request) {
			t.Errorf("%s: the provider was asked", path)
			negotiating(w, r)
		}
		statuses, log := guessing(t, clientauth.Token, asked, path, http.Header{})
		for _, status := range statuses {
			if status != http.StatusBadRequest {
				t.Errorf("%s: got %d", path, status)
			}
		}
		if n := strings.Count(log, `"outcome":"response_format"`); n != len(statuses) {
			t.Errorf("%s: logged %s", path, log)
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
