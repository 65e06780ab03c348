package clients_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
)

var table = clients.New("", []clients.Client{{
	ID: "agents", Secret: clientauth.NewSecret("lent-s3cret-0123456789"), Config: clients.Config{
		SecretFile: "agents.secret", Public: true,
		Aliases:      []string{"https://agent.example/client.json"},
		RedirectURIs: []string{"http://127.0.0.1/callback", "https://app.example/cb"},
		Grants:       []string{clients.GrantCode, clients.GrantRefresh},
	},
}})

const (
	codeChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	wholeRequest  = "response_type=code&client_id=agents&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&code_challenge=" + codeChallenge + "&code_challenge_method=S256"
)

// FuzzJudge reads authorization requests as lenient servers do. What is forwarded for a public client
// has PKCE and a listed redirect URI in each place that any of them reads, and what is forwarded
// without being judged names no public client to any of them.
func FuzzJudge(f *testing.F) {
	f.Add(wholeRequest, "")
	f.Add("client_id=agents", wholeRequest)
	f.Add("client_id=other&client_id=agents&scope=a&scope=b", "decision=allow")
	f.Add("Client_Id=agents&x=%zz;client_id=agents", "client_id%5B%5D=AGENTS")
	f.Add("response_type=code&client_id=agents#", "")
	f.Add("client_id=agents&request_uri=urn:ietf:params:oauth:request_uri:x&redirect_uri=https://evil.example", "")
	f.Fuzz(func(t *testing.T, rawQuery, rawForm string) {
		query, err1 := clientauth.ParsePage(rawQuery)
		form, err2 := clientauth.ParsePage(rawForm)
		if err1 != nil || err2 != nil {
			if !table.Mentions(rawQuery) && !table.Mentions(rawForm) && (names(rawQuery) || names(rawForm)) {
				t.Fatalf("forwarded without being judged: %q %q", rawQuery, rawForm)
			}
			return
		}
		judged, err := table.Judge(clients.AuthorizationRequest{Query: query, Form: form, Post: true, Pushes: true})
		switch {
		case err != nil:
		case judged == nil:
			if names(rawQuery) || names(rawForm) {
				t.Fatalf("forwarded without being judged: %q %q", rawQuery, rawForm)
			}
		default:
			for _, place := range []string{judged.Query.Encode(), judged.Form.Encode()} {
				if problem := weakness(place); problem != "" {
					t.Fatalf("%s: %q %q became %q %q", problem, rawQuery, rawForm, judged.Query.Encode(), judged.Form.Encode())
				}
			}
		}
	})
}

// lenient returns the parameters as a server reads them that ignores case and errors, and reads
// punctuation as underscores.
func lenient(raw string) map[string][]string {
	found := map[string][]string{}
	raw, _, _ = strings.Cut(raw, "#")
	for piece := range strings.FieldsFuncSeq(raw, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(piece, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		name = strings.Map(func(c rune) rune {
			switch {
			case c > unicode.MaxASCII:
				return -1
			case !unicode.IsLetter(c) && !unicode.IsDigit(c):
				return '_'
			}
			return unicode.ToLower(c)
		}, name)
		name = strings.Trim(name, "_")
		value, _, _ = strings.Cut(value, "\x00")
		found[name] = append(found[name], strings.ToLower(strings.TrimSpace(value)))
	}
	return found
}

// names reports whether a lenient server finds a public client.
func names(raw string) bool {
	for _, id := range lenient(raw)["client_id"] {
		if id == "agents" || id == "https://agent.example/client.json" {
			return true
		}
	}
	return false
}

// weakness returns what a lenient server could do with parameters that it must not.
func weakness(place string) string {
	p := lenient(place)
	for _, id := range p["client_id"] {
		if id != "agents" {
			return "another client"
		}
	}
	for _, uri := range p["redirect_uri"] {
		if uri != "https://app.example/cb" && !strings.HasPrefix(uri, "http://127.0.0.1") {
			return "another redirect URI"
		}
	}
	switch starts := len(p["response_type"]) + len(p["redirect_uri"]) + len(p["code_challenge"]) + len(p["code_challenge_method"]); {
	case len(p["request"]) > 0:
		return "a request object"
	case len(p["request_uri"]) > 0 && starts > 0:
		return "a pushed request beside others"
	case starts > 0 && (len(p["code_challenge"]) != 1 || len(p["code_challenge_method"]) != 1 || p["code_challenge_method"][0] != "s256"):
		return "no PKCE"
	}
	return ""
}
