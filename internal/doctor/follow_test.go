package doctor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"oauthgw/internal/doctor"
)

// newBystander returns the URL of a server at another origin, which must get no requests.
func newBystander(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other server received %s %s", r.Method, r.URL)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// leadAway makes every URL in a server's responses lead to another origin.
func leadAway(s *server, to string) {
	s.replace(`"issuer":"`+s.URL, `"issuer":"`+to, s.URL, to, `"}`, `","jwks_uri":"`+to+`/jwks","registration_endpoint":"`+to+`/register"}`)
	away := map[string]string{"Location": to + "/redirect", "Refresh": "0; url=" + to, "Link": "<" + to + ">; rel=preload", "Alt-Svc": `h2="` + strings.TrimPrefix(to, "http://") + `"`}
	for name, value := range away {
		s.pages[asPath] = s.pages[asPath].with(name, value)
	}
	s.pages[openidPath] = page{307, away, ""}
	s.pages[resourcePath] = document(`{"resource":"` + to + `","authorization_servers":["` + to + `"],"jwks_uri":"` + to + `/jwks"}`)
	s.basic, s.post = page{307, away, ""}, page{308, away, ""}
}

// Metadata, and endpoints that redirect, cannot make the doctor send requests to another
// server, such as one that only the operator's host can reach.
func TestA152ResponsesThatLeadAway(t *testing.T) {
	other := newBystander(t)
	s := newServer(t, func(s *server) { leadAway(s, other) })
	r := examine(t, doctor.Config{URL: s.URL})
	for _, subject := range []string{"token endpoint", "revocation endpoint"} {
		want := "note: " + subject + `: It was not tested: it is at "` + other + `", and only ` + s.URL + " is tested. "
		if got := text(r); !strings.Contains(got, want) || !strings.Contains(got, "--follow") {
			t.Errorf("found\n%s\nwant %s", got, want)
		}
	}
	s.replace()
	for _, follow := range []bool{false, true} {
		if got := text(examine(t, doctor.Config{URL: s.URL, Follow: follow})); !strings.Contains(got, "is a redirect (status 307)") {
			t.Errorf("follow %v: found\n%s", follow, got)
		}
	}
}

// URLs that look like one of the origin but are at another, or invalid.
func TestA152DisguisedOrigins(t *testing.T) {
	other := newBystander(t)
	const isNone, isElsewhere = "problem: metadata: The metadata has members that must be absolute http or https URLs", "note: token endpoint: It was not tested: it is at "
	for endpoint, want := range map[string]string{
		"http://GIVEN@OTHER/token": isElsewhere, "http://GIVEN.OTHER/token": isNone, "http://OTHER#http://GIVEN/token": isElsewhere,
		"http://OTHER/http://GIVEN/token": isElsewhere, "HTTP://OTHER/token": isElsewhere, "https://GIVEN/token": isElsewhere,
		`http://GIVEN\\@OTHER/token`: isNone, `http:\\\\OTHER\\token`: isNone, "http:OTHER/token": isNone, "//OTHER/token": isNone, "/token": isNone,
		"file:///etc/passwd": isNone, "ftp://GIVEN/token": isNone, "unix:/run/GIVEN": isNone,
		"http://user:passw0rd@GIVEN/token": "", "HTTP://GIVEN/token?x=1#y": "",
	} {
		s := newServer(t, func(s *server) {
			hosts := strings.NewReplacer("GIVEN", strings.TrimPrefix(s.URL, "http://"), "OTHER", strings.TrimPrefix(other, "http://"))
			s.replace(s.URL+"/token", hosts.Replace(endpoint))
		})
		r := examine(t, doctor.Config{URL: s.URL})
		got := text(r)
		if want != "" && !strings.Contains(got, want) || want == "" && strings.Contains(got, "not tested") {
			t.Errorf("%s: found\n%s\nwant %q", endpoint, got, want)
		}
		sent := strings.Join(s.requests, "\n")
		if strings.Count(sent, "POST /token") != map[bool]int{true: 2}[want == ""] || strings.Contains(sent, "dXNlcjp") {
			t.Errorf("%s: the server received\n%s", endpoint, sent)
		}
		if strings.Contains(got+fmt.Sprint(r.Tested), "passw0rd") {
			t.Errorf("%s: the password is in\n%s%v", endpoint, got, r.Tested)
		}
	}
}

// Reported URLs, which a server chooses, are escaped and shortened.
func TestA153HostileURLs(t *testing.T) {
	s := newServer(t, func(s *server) {
		s.replace(s.URL+"/token", s.URL+`/t\u202e\u00a0?\u202e\"\u0085`, s.URL+"/revoke", s.URL+"/"+strings.Repeat("a", 5000))
	})
	for _, follow := range []bool{false, true} {
		for _, tested := range examine(t, doctor.Config{URL: s.URL, Follow: follow}).Tested {
			if strings.ContainsFunc(tested.URL, func(c rune) bool { return !unicode.IsPrint(c) }) || len(tested.URL) > 300 {
				t.Errorf("tested %q", tested.URL)
			}
		}
	}
}
