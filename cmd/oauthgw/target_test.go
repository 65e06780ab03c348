package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// withTarget returns wireGood for another request target.
func withTarget(target string) string { return strings.Replace(wireRequest, " /t ", " "+target+" ", 1) }

// TestA059A105RequestTargets checks targets that net/http parses as opaque URLs, which have no path
// for a router to see.
func TestA059A105RequestTargets(t *testing.T) {
	tests := map[string]wireTest{}
	for _, target := range []string{
		"x:http://gw/t", "x:*", "x:y:http://gw/t", "x:/t", `x:{"\`, "mailto:/t", "HTTP:t", "http:t", "http:/t", "http:///t", "https://", "http://",
		"ftp://gw/t", "ws://gw/t", "http://user@gw/t", "http://user:pass@gw/t", "http://@gw/t", "*",
		"http://gw@evil/t", `//gw/a|b`, "//gw/a{b",
	} {
		for _, method := range []string{"POST", "GET", "OPTIONS", "DELETE"} {
			tests[method+" "+target] = wireTest{strings.Replace(withTarget(target), "POST", method, 1), "400 200", 1, "", false}
		}
	}
	tests["an authority"] = wireTest{withTarget("gw:80"), "400 200", 1, "", false}
	tests["an absolute URL"] = wireTest{withTarget("http://evil.example/t"), "200 200", 2, "", false}
	tests["an absolute https URL"] = wireTest{withTarget("HTTPS://gw:8443/t?a=b"), "200 200", 2, "gw:8443/t", false}
	tests["an absolute URL with an invalid host"] = wireTest{withTarget("http://g,w/t"), "400 200", 1, "", false}
	runWireTests(t, tests)
}

// TestA105A106PathsAreSentAsReceived checks that a path reaches the provider byte for byte, also
// with characters that net/url would escape. The authority of an absolute URL takes the place of
// Host (RFC 9112 section 3.2.2).
func TestA105A106PathsAreSentAsReceived(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := frontedGateway(t, provider.url())
	for target, want := range map[string]string{
		"http://gw/page": "GET /page HTTP/1.1\nHost: gw\n", "http://gw:8080/?a": "GET /?a HTTP/1.1\nHost: gw:8080\n", "https://gw": "GET / HTTP/1.1\nHost: gw\n", "http://gw?x": "GET /?x HTTP/1.1\nHost: gw\n",
	} {
		send(t, g.data, "GET "+target+" HTTP/1.1\nHost: a")
		if got := provider.received(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: the provider received %q", target, got)
		}
	}
	for _, target := range []string{
		"/", "/a", "/a/", "/a//b", "//a/b", "/a/./b", "/a/../b", "/a?", "/a?b=c;d", "/a?b=|{",
		"/a%2Fb", "/a%2fb", "/a%2Fb|c", "/a%2f..%2fb{", `/a%2Fb"c`, "/a%2Fb^c", "/a%2Fb`c", "/a%2Fb<c>", `/a%2Fb\c`, "/a#b%2Fc", "/%41%7e", "/%e9%2F", "/\xe9%2F",
		"/a%20b", "/a+b", "/a:b@c;d=e,f", "/[a]", "/a'b(c)*!$&", "/|", "/%7C|",
	} {
		send(t, g.data, "GET "+target+" HTTP/1.1\nHost: a")
		if got, want := provider.received(), "GET "+target+" HTTP/1.1\n"; !strings.HasPrefix(got, want) {
			t.Errorf("%q: the provider received %q", target, got)
		}
	}
}

// lookalikePaths are spellings of /oauth2/tokens, and what reads them as that.
var lookalikePaths = map[string][]string{
	"URL parsers that find an authority": {"//x/oauth2/tokens", "//x:80/oauth2/tokens", "///x/oauth2/tokens", "/\\x/oauth2/tokens", "//x//oauth2/tokens/", "//x/y/../oauth2/tokens"},
	"servlet containers":                 {"/oauth2/tokens;a=b", "/oauth2;x/tokens", "/;/oauth2/tokens", "/x/..;/oauth2/tokens", "/oauth2/tokens/;x", "/oauth2/tokens%3bx", "/oauth2/x/..;a=b/tokens", "/oauth2/tokens;"},
	"Fastify":                            {"/oauth2/tokens;x/y", "/oauth2/tokens;x/../y"},
	"Express":                            {"/OAuth2/Tokens", "/oauth2/TOKENS/", "/OAUTH2/%74okens"},
	"Windows":                            {`/oauth2\tokens`, "/oauth2%5ctokens", `/x\..\oauth2\tokens`, "/oauth2/tokens.", "/oauth2/tokens%20", "/oauth2/tokens.%20.", "/oauth2./tokens", "/oauth2/tokens%20/", "/oauth2/tokens+", "/oauth2/tokens%09"},
	"C strings":                          {"/oauth2/tokens%00", "/oauth2/tokens%00.html", "/oauth2/tokens%00/x"},
	"decoders that drop what is broken":  {"/oauth2/tokens%ff", "/oauth2/tok%ffens", "/oauth2/tok%00ens", "/oauth2/tokens\xff", "/oauth2/tokens%e2%80%8b", "/oauth2/to%c0kens"},
	"decoders that accept overlong UTF-8": {"/oauth2%c0%aftokens", "/oauth2/%c1%b4okens", "/oauth2%e0%80%aftokens", "/x/%c0%ae%c0%ae/oauth2/tokens", "/oauth2%f0%80%80%aftokens",
		"/oauth2\xc0\xaftokens"},
	"comparison without regard to case or width": {"/oauth2/to%e2%84%aaens", "/oauth2/token%c5%bf", "/oauth2%ef%bc%8ftokens", "/oauth2/%ef%bd%94okens"},
	"decoding before splitting":                  {"/oauth2%2ftokens", "/oauth2%2Ftokens", "/oauth2/tokens%2f", "/x%2f..%2foauth2/tokens", "/oauth2/tokens%3fx", "/oauth2/tokens%23x", "/oauth2/tokens#x"},
	"splitting before decoding":                  {"/x%2fy/../oauth2/tokens", "/a%5cb/../oauth2/tokens"},
	"decoding twice":                             {"/oauth2/%2574okens", "/oauth2%252ftokens", "/%252e%252e/oauth2/tokens", "/oauth2/%25%37%34okens", "/oauth2/%252574okens"},
	"dot segments with empty segments":           {"/oauth2/tokens//..", "/oauth2/tokens/x//../.."},
	"Rails and Spring":                           {"/oauth2/tokens.json", "/oauth2/tokens.xml/", "/oauth2/tokens.x.y", "/oauth2/tokens.%6ason"},
	"PHP":                                        {"/index.php/oauth2/tokens", "/index.php//oauth2/tokens", "/index.PHP/oauth2/tokens/", "/a/../index.php/oauth2/tokens"},
	"ASP.NET":                                    {"/(S(lit3py55t21z5v55vlm25s55))/oauth2/tokens", "/(A(x)S(y))/oauth2/tokens"},
	"Ruby":                                       {"/x%0a/oauth2/tokens", "/oauth2/tokens%0ax", "/x%0a/oauth2/tokens%0ay"},
	"several":                                    {"//x/OAuth2%2f%2574okens;a/.", `/index.php\OAUTH2;x\tokens.json%00`},
}

// pathGateway is a gateway in front of a provider that records requests.
type pathGateway struct {
	testGateway
	provider *scriptedProvider
}

func startPathGateway(t *testing.T, config string) pathGateway {
	t.Helper()
	p := startScriptedProvider(t)
	p.answer("HTTP/1.1 200 OK\n\n")
	return pathGateway{startConfiguredGateway(t, config, "http://"+p.Addr().String()), p}
}

// expect sends a request, with further fields, and checks that it is refused with a status
// or, where the status is empty, passes unchanged.
func (g pathGateway) expect(t *testing.T, method, path, fields, status string) {
	t.Helper()
	response := send(t, g.data, method+" "+path+" HTTP/1.1\nHost: a\n"+fields+"Authorization: Bearer x\nContent-Type: application/x-www-form-urlencoded\n\ngrant_type=x")
	received := g.provider.received()
	passes, refused := strings.HasPrefix(received, method+" "+path+" HTTP/1.1\n"), strings.HasPrefix(response, "HTTP/1.1 "+status+" ") && received == ""
	if status == "" && !passes || status != "" && (!refused || !strings.Contains(response, `"error":"invalid_request"`)) {
		t.Errorf("%s %.60q %s: got %.300s; the provider received %.100q", method, path, fields, response, received)
	}
}

// TestA060A065A107A108Paths checks that a path is refused which a common router takes for an
// endpoint, or which servers read differently around a well-known name. Other paths pass.
// Methods are case-sensitive (RFC 9110 section 9.1), but Django and Flask read post as POST.
func TestA060A065A107A108Paths(t *testing.T) {
	const token, two = "endpoints: {token: /oauth2/tokens}\n", "endpoints: {token: /oauth2/tokens, registration: /oauth2/register}\n"
	const managed = two + "registration: {client_configuration: /oauth2/clients}\n"
	const pages = "endpoints: {token: /oauth2/tokens, registration: /register}\n"
	likeRegister := []string{"/register.html", "/register.js", "/Register", "/register;jsessionid=x"}
	nested := "%" + strings.Repeat("25", 1000) + "2e"
	suffixes := []string{
		"/.well-known/openid-configuration/..;/..;/internal", "/.well-known/openid-configuration/..;", "/.well-known/openid-configuration/x;y", "/.well-known/openid-configuration/x%3By",
		"/.well-known/oauth-authorization-server/..%5c..%5cinternal", "/.well-known/oauth-authorization-server/%252e%252e/internal", "/.well-known/oauth-authorization-server/a%3fb", "/.well-known/oauth-authorization-server/a%23b",
		"/internal%3f/.well-known/openid-configuration", "/internal;/.well-known/openid-configuration", "/.well-known/openid-configuration/a%00b", "/.well-known/openid-configuration/a%0ab", "/.well-known/openid-configuration/%ff",
	}
	for name, test := range map[string]struct {
		config, methods, status string
		paths                   []string
	}{
		"like the token endpoint": {managed, "POST GET DELETE OPTIONS", "404", slices.Concat(slices.Collect(maps.Values(lookalikePaths))...)},
		"like registration": {managed, "DELETE", "404", []string{
			"/oauth2/Register", "/oauth2/register.json", "/oauth2/register;x", "/oauth2/register%2fa", "/oauth2/reg%c4%b0ster", "/oauth2/reg%c4%b1ster", "/oauth2/register/..;", "/oauth2/register/%2e%2e%2f", "/oauth2/clients/..;", "/oauth2/clients/a%3bb", "/oauth2/clients/a%252e",
			"/oauth2/Clients/a", "/oauth2//clients/a", "/oauth2/clients/%2e", "/oauth2/clients/a%23",
		}},
		"like nothing": {token, "POST", "", []string{
			"/oauth2/tokens/1", "/oauth2/tokens2", "/api/oauth2/tokens", "/oauth2", "/oauth2/", "/tokens", "/api//oauth2/tokens", "/oauth2/tokens/x/y.json", "/oauth2.json", "/x/oauth2%2ftokens",
			"/%6fauth2/authorize;x=y", "/docs/oauth2/tokens.html", "/oauth2/tokens-list", "/a;b/c%2Fd|e", "/oauth2/authorize", "/oauth2/tokens/..", "/oauth2/tokens/../x", "//x", "/x//tokens", "/index.php/tokens",
		}},
		"pages like registration":          {pages, "GET", "", likeRegister},
		"registration like a page":         {pages, "POST PUT", "404", likeRegister},
		"like a script":                    {"endpoints: {token: /oauth/token.php}", "POST", "404", []string{"/oauth/token.php/x", "/oauth/token", "/oauth/token.PHP", "/oauth/token.php;x", "/oauth/token.php%00"}},
		"without the script":               {"endpoints: {token: /index.php/apps/oauth2/token}", "POST", "404", []string{"/apps/oauth2/token", "/apps/oauth2/token/", "/index.php/apps/OAuth2/token"}},
		"like the root":                    {"endpoints: {token: /}", "POST", "404", []string{"//x", "/.;", "/;x", "/x/..;", "/%2e%2f"}},
		"too many readings of an endpoint": {token, "POST", "404", []string{"/tokens/" + nested, "/tokens/" + strings.Repeat("a.b;c%252e/", 180)}},
		"too many readings":                {token, "POST", "", []string{"/" + nested, "/tokens/" + strings.Repeat("a.b/", 500), "/" + strings.Repeat("a;b/", 500)}},
		"well-known suffixes":              {two, "GET", "404", suffixes},
		"well-known suffixes alone":        {two + "passthrough: false\n", "GET", "404", suffixes},
		"without passthrough": {two + "passthrough: false\n", "GET DELETE", "404", []string{
			"/.well-known/openid-configuration%2f..%2f..%2finternal", "/.well-known/openid-configuration/../../internal", "/.well-known/openid-configuration/%2e%2e/%2e%2e/internal", "/oauth2/register/..;", "/oauth2/register/..", "/oauth2/tokens/..;/internal",
		}},
		"methods": {two, "post delete put PosT", "405", []string{"/oauth2/tokens", "/oauth2/register", "/oauth2/register/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := startPathGateway(t, test.config)
			for _, path := range test.paths {
				for method := range strings.FieldsSeq(test.methods) {
					g.expect(t, method, path, "", test.status)
				}
			}
		})
	}
}

// TestA107PrefixesInTheHeader checks fields that a WSGI application cuts off the path, which
// makes an endpoint of another path. A trusted proxy passes them on from the client.
func TestA107PrefixesInTheHeader(t *testing.T) {
	g := startPathGateway(t, "trusted_proxies: [127.0.0.1]\nendpoints: {token: /oauth2/tokens}")
	for _, field := range []string{"X-Script-Name", "X-Forwarded-Prefix", "x-script-name"} {
		for target, status := range map[string]string{
			"/x/oauth2/tokens /x": "404", "/x/oauth2/tokens /x/": "404", "/x/OAuth2//tokens /x": "404", "/%78/oauth2/tokens /x": "404", "/xoauth2/tokens /x": "404",
			"/x/oauth2/tokens /y": "", "/x/page /x": "", "/x/oauth2/tokens/1 /x": "",
		} {
			path, prefix, _ := strings.Cut(target, " ")
			g.expect(t, "POST", path, field+": "+prefix+"\n", status)
		}
	}
}
