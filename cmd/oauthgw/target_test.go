package main

import (
	"fmt"
	"strings"
	"testing"
)

// to returns wireGood for another request target.
func to(target string) string { return strings.Replace(wireGood, " /t ", " "+target+" ", 1) }

// A target that net/http parses as an opaque URL has no path for a router to see, and
// was sent to the provider as it is.
func TestA105RequestTargets(t *testing.T) {
	tests := map[string]wireTest{}
	for _, target := range []string{
		"x:http://gw/t", "x:*", "x:y:http://gw/t", "x:/t", `x:{"\`, "mailto:/t", "HTTP:t", "http:t", "http:/t", "http:///t", "https://", "http://",
		"ftp://gw/t", "ws://gw/t", "http://user@gw/t", "http://user:pass@gw/t", "http://@gw/t", "*",
		"http://gw@evil/t", `//gw/a|b`, "//gw/a{b",
	} {
		for _, method := range []string{"POST", "GET", "OPTIONS", "DELETE"} {
			tests[method+" "+target] = wireTest{strings.Replace(to(target), "POST", method, 1), "400 200", 1, "", false}
		}
	}
	tests["an authority"] = wireTest{to("gw:80"), "400 200", 1, "", false}
	tests["an absolute URL"] = wireTest{to("http://gw/t"), "200 200", 2, "", false}
	tests["an absolute https URL"] = wireTest{to("HTTPS://gw:8443/t?a=b"), "200 200", 2, "gw:8443/t", false}
	tests["an absolute URL of a host that is none"] = wireTest{to("http://g,w/t"), "400 200", 1, "", false}
	tryOnWire(t, tests)
}

// The authority of an absolute URL takes the place of the Host field (RFC 9112 section
// 3.2.2).
func TestA105AuthorityReplacesHost(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := frontedGateway(t, "http://"+provider.Addr().String())
	for target, want := range map[string]string{
		"http://gw/page": "GET /page HTTP/1.1\nHost: gw\n", "http://gw:8080/?a": "GET /?a HTTP/1.1\nHost: gw:8080\n", "https://gw": "GET / HTTP/1.1\nHost: gw\n", "http://gw?x": "GET /?x HTTP/1.1\nHost: gw\n",
	} {
		send(t, g.data, "GET "+target+" HTTP/1.1\nHost: a")
		if got := provider.received(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: the provider received %q", target, got)
		}
	}
}

// A path reaches the provider byte for byte, also with characters that net/url would
// escape, whose presence made it decode every %2F.
func TestA106PathsAreSentAsReceived(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := frontedGateway(t, "http://"+provider.Addr().String())
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

func TestA065A107LookalikePaths(t *testing.T) {
	provider := startScriptedProvider(t)
	g := startStoryGateway(t, "endpoints: {token: /oauth2/tokens, registration: /oauth2/register}\nregistration: {client_configuration: /oauth2/clients}", "http://"+provider.Addr().String())
	for reader, paths := range lookalikePaths {
		for _, path := range paths {
			for _, method := range []string{"POST", "GET", "DELETE", "OPTIONS"} {
				answer := send(t, g.data, method+" "+path+" HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\ngrant_type=x")
				if !strings.HasPrefix(answer, "HTTP/1.1 404 ") || !strings.Contains(answer, `"error":"invalid_request"`) || provider.received() != "" {
					t.Errorf("%s: %s %q: got %s", reader, method, path, answer)
				}
			}
		}
	}
	for _, path := range []string{"/oauth2/Register", "/oauth2/register.json", "/oauth2/register;x", "/oauth2/register%2fa", "/oauth2/reg%c4%b0ster", "/oauth2/reg%c4%b1ster", "/oauth2/register/..;", "/oauth2/register/%2e%2e%2f", "/oauth2/clients/..;", "/oauth2/clients/a%3bb", "/oauth2/clients/a%252e",
		"/oauth2/Clients/a", "/oauth2//clients/a", "/oauth2/clients/%2e", "/oauth2/clients/a%23"} {
		answer := send(t, g.data, "DELETE "+path+" HTTP/1.1\nHost: a\nAuthorization: Bearer x")
		if !strings.HasPrefix(answer, "HTTP/1.1 404 ") || provider.received() != "" {
			t.Errorf("%q: got %s", path, answer)
		}
	}
}

// Paths that no router in wide use takes for an endpoint pass as they are, however odd
// they look.
func TestA107OtherPathsPass(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := startStoryGateway(t, "endpoints: {token: /oauth2/tokens}", "http://"+provider.Addr().String())
	for _, path := range []string{
		"/oauth2/tokens/1", "/oauth2/tokens2", "/api/oauth2/tokens", "/oauth2", "/oauth2/", "/tokens", "/api//oauth2/tokens", "/oauth2/tokens/x/y.json", "/oauth2.json", "/x/oauth2%2ftokens",
		"/%6fauth2/authorize;x=y", "/docs/oauth2/tokens.html", "/oauth2/tokens-list", "/a;b/c%2Fd|e", "/oauth2/authorize", "/oauth2/tokens/..", "/oauth2/tokens/../x", "//x", "/x//tokens", "/index.php/tokens",
	} {
		send(t, g.data, "POST "+path+" HTTP/1.1\nHost: a\n\nx")
		if got, want := provider.received(), "POST "+path+" HTTP/1.1\n"; !strings.HasPrefix(got, want) {
			t.Errorf("%q: the provider received %q", path, got)
		}
	}
}

// A page whose path is like that of the registration endpoint registers no client.
func TestA107PagesLikeTheRegistrationEndpoint(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := startStoryGateway(t, "endpoints: {token: /oauth2/tokens, registration: /register}", "http://"+provider.Addr().String())
	for _, path := range []string{"/register.html", "/register.js", "/Register", "/register;jsessionid=x"} {
		for method, passes := range map[string]bool{"GET": true, "POST": false, "PUT": false} {
			send(t, g.data, method+" "+path+" HTTP/1.1\nHost: a")
			if got := provider.received(); (got != "") != passes {
				t.Errorf("%s %s: the provider received %q", method, path, got)
			}
		}
	}
}

// An endpoint that is a script is itself under every name by which the server knows it.
func TestA107LookalikesOfScripts(t *testing.T) {
	for endpoint, lookalikes := range map[string][]string{
		"/oauth/token.php":             {"/oauth/token.php/x", "/oauth/token", "/oauth/token.PHP", "/oauth/token.php;x", "/oauth/token.php%00"},
		"/index.php/apps/oauth2/token": {"/apps/oauth2/token", "/apps/oauth2/token/", "/index.php/apps/OAuth2/token"},
		"/":                            {"//x", "/.;", "/;x", "/x/..;", "/%2e%2f"},
	} {
		provider := startScriptedProvider(t)
		g := startStoryGateway(t, fmt.Sprintf("endpoints: {token: %s}", endpoint), "http://"+provider.Addr().String())
		for _, path := range lookalikes {
			if answer := send(t, g.data, "POST "+path+" HTTP/1.1\nHost: a\n\nx"); !strings.HasPrefix(answer, "HTTP/1.1 404 ") || provider.received() != "" {
				t.Errorf("%s: %q: got %s", endpoint, path, answer)
			}
		}
	}
}

// A path with more readings than are looked at is refused if it names an endpoint, and
// passes if it does not.
func TestA107PathsWithVeryManyReadings(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := startStoryGateway(t, "endpoints: {token: /oauth2/tokens}", "http://"+provider.Addr().String())
	nested := "%" + strings.Repeat("25", 1000) + "2e"
	for path, passes := range map[string]bool{
		"/" + nested: true, "/tokens/" + nested: false, "/tokens/" + strings.Repeat("a.b/", 500): true, "/tokens/" + strings.Repeat("a.b;c%252e/", 180): false, "/" + strings.Repeat("a;b/", 500): true,
	} {
		answer := send(t, g.data, "POST "+path+" HTTP/1.1\nHost: a\n\nx")
		if (provider.received() != "") != passes {
			t.Errorf("%.40q: got %.200s", path, answer)
		}
	}
}

// What stands behind or before a well-known name goes to the provider, so it must be
// read alike by every server. Otherwise it leads elsewhere under passthrough: false.
func TestA108WellKnownSuffixes(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\ninternal")
	for _, passthrough := range []string{"true", "false"} {
		g := startStoryGateway(t, "passthrough: "+passthrough+"\nendpoints: {token: /oauth2/tokens, registration: /oauth2/register}", "http://"+provider.Addr().String())
		for _, path := range []string{
			"/.well-known/openid-configuration/..;/..;/internal", "/.well-known/openid-configuration/..;", "/.well-known/openid-configuration/x;y", "/.well-known/openid-configuration/x%3By",
			"/.well-known/oauth-authorization-server/..%5c..%5cinternal", "/.well-known/oauth-authorization-server/%252e%252e/internal", "/.well-known/oauth-authorization-server/a%3fb", "/.well-known/oauth-authorization-server/a%23b",
			"/internal%3f/.well-known/openid-configuration", "/internal;/.well-known/openid-configuration", "/.well-known/openid-configuration/a%00b", "/.well-known/openid-configuration/a%0ab", "/.well-known/openid-configuration/%ff",
		} {
			answer := send(t, g.data, "GET "+path+" HTTP/1.1\nHost: a")
			if !strings.HasPrefix(answer, "HTTP/1.1 404 ") || !strings.Contains(answer, `"error":"invalid_request"`) || provider.received() != "" {
				t.Errorf("passthrough %s: %q: got %s", passthrough, path, answer)
			}
		}
	}
	g := startStoryGateway(t, "passthrough: false\nendpoints: {token: /oauth2/tokens, registration: /oauth2/register}", "http://"+provider.Addr().String())
	for _, path := range []string{"/.well-known/openid-configuration%2f..%2f..%2finternal", "/.well-known/openid-configuration/../../internal", "/.well-known/openid-configuration/%2e%2e/%2e%2e/internal", "/oauth2/register/..;", "/oauth2/register/..", "/oauth2/tokens/..;/internal"} {
		for _, method := range []string{"GET", "DELETE"} {
			if answer := send(t, g.data, method+" "+path+" HTTP/1.1\nHost: a\nAuthorization: Bearer x"); !strings.HasPrefix(answer, "HTTP/1.1 404 ") || provider.received() != "" {
				t.Errorf("%s %q: got %s", method, path, answer)
			}
		}
	}
}

// A registration endpoint has the same spellings as any other, and the provider
// receives the one that it publishes.
func TestA109SpellingsOfTheRegistrationEndpoint(t *testing.T) {
	for _, endpoint := range []string{"/o/register/", "/o/register"} {
		provider := startScriptedProvider(t)
		provider.answer("HTTP/1.1 201 Created\nContent-Type: application/json\n\n{}")
		g := startStoryGateway(t, "endpoints: {token: /t, registration: "+endpoint+"}", "http://"+provider.Addr().String())
		for _, path := range []string{"/o/register", "/o/register/", "//o/register", "/o/./register", "/o/x/../register//", "/o/%72egister"} {
			for _, query := range []string{"", "?client_id=a"} {
				answer := send(t, g.data, "POST "+path+query+" HTTP/1.1\nHost: a\nContent-Type: application/json\n\n{}")
				if got := provider.received(); !strings.HasPrefix(got, "POST "+endpoint+query+" HTTP/1.1\n") || !strings.Contains(got, "client_secret_post") {
					t.Errorf("%s: the provider received %q; got %s", path, got, answer)
				}
			}
		}
	}
}

// Methods are case-sensitive (RFC 9110 section 9.1), but Django and Flask take post for
// POST. It is refused at an endpoint, also where the endpoint knows other methods.
func TestA060MethodsInLowerCase(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := startStoryGateway(t, "endpoints: {token: /oauth2/tokens, registration: /oauth2/register}", "http://"+provider.Addr().String())
	for _, target := range []string{"post /oauth2/tokens", "delete /oauth2/tokens", "post /oauth2/register", "PosT /oauth2/register", "put /oauth2/register/a", "delete /oauth2/register/a"} {
		answer := send(t, g.data, target+" HTTP/1.1\nHost: a\nAuthorization: Bearer x\nContent-Type: application/json\n\n{}")
		if !strings.HasPrefix(answer, "HTTP/1.1 405 ") || provider.received() != "" {
			t.Errorf("%s: got %s", target, answer)
		}
	}
}

// A prefix that a WSGI application would cut off the path makes an endpoint of another
// path. A trusted proxy passes it on from the client.
func TestA107PrefixesInTheHeader(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := startStoryGateway(t, "trusted_proxies: [127.0.0.1]\nendpoints: {token: /oauth2/tokens}", "http://"+provider.Addr().String())
	for _, field := range []string{"X-Script-Name", "X-Forwarded-Prefix", "x-script-name"} {
		for target, passes := range map[string]bool{
			"/x/oauth2/tokens /x": false, "/x/oauth2/tokens /x/": false, "/x/OAuth2//tokens /x": false, "/%78/oauth2/tokens /x": false, "/xoauth2/tokens /x": false,
			"/x/oauth2/tokens /y": true, "/x/page /x": true, "/x/oauth2/tokens/1 /x": true,
		} {
			path, prefix, _ := strings.Cut(target, " ")
			answer := send(t, g.data, fmt.Sprintf("POST %s HTTP/1.1\nHost: a\n%s: %s\n\nx", path, field, prefix))
			if received := provider.received() != ""; received != passes {
				t.Errorf("%s: %s: got %s", field, target, answer)
			}
		}
	}
}
