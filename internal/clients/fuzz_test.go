package clients_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
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

// FuzzAuthenticate puts assertions of three clients in requests in place of the marks @1 to @3. A client is
// authenticated only by its own assertion and nothing else, and no request that a lenient server
// reads as one of a client with keys is forwarded.
func FuzzAuthenticate(f *testing.F) {
	const assertions = "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion="
	for _, body := range []string{"grant_type=client_credentials", "client_id=billing", "client_id=Billing&x=%zz", "client_id=billing&client_secret=s", "client_id=billing" + assertions + "@1",
		"client_id=ledger" + assertions + "@1", assertions + "@2", assertions + "@3", assertions + "@1&client_secret=s", "client_assertion=@1", "client_assertion=@1.", `{"client_id":"billing"}`} {
		for _, query := range []string{"", "client_id=ledger", "client_secret=s"} {
			f.Add("", query, body)
		}
		f.Add("Basic YmlsbGluZzpz", "", body)
		f.Add("Bearer x", "", body)
	}
	table, until := asserting(f), time.Now().Unix()+3000
	own := map[string]string{"billing": sign("billing", "billing", "billing", "exp", until), "ledger": sign("ledger", "ledger", "ledger", "exp", until), "pods": sign("cluster", cluster, serviceAccount, "exp", until)}
	marks := strings.NewReplacer("@1", own["billing"], "@2", own["ledger"], "@3", own["pods"])
	rules := clientauth.New(clientauth.Config{Conflict: clientauth.ConflictReport, InsecureQueryCredentials: true})
	f.Fuzz(func(t *testing.T, authorization, query, body string) {
		r := clients.Attempt{Endpoint: clientauth.Token, Audience: func(context.Context) string { return authorizationServer }}
		if r.Header = (http.Header{}); authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		query, body = marks.Replace(query), marks.Replace(body)
		var err1, err2 error
		if r.Form, err1 = clientauth.ParseForm(body); err1 != nil {
			r.Form, r.Unread = nil, []byte(body)
		}
		r.Query, err2 = clientauth.ParseForm(query)
		var err3 error
		if r.Credentials, err3 = rules.Read(r.Request); err2 != nil || err3 != nil {
			return
		}
		use, err := table.Authenticate(t.Context(), r)
		// The provider receives what was parsed, encoded again.
		if r.Form != nil {
			body = r.Form.Encode()
		}
		form, uri := lenient(body), lenient(r.Query.Encode())
		switch id := ""; {
		case err != nil:
		case use != nil:
			id = use.ID
			named := slices.DeleteFunc(slices.Concat(form["client_id"], uri["client_id"]), func(name string) bool { return name == id || name == "" })
			secrets := strings.Join(append(form["client_secret"], uri["client_secret"]...), "")
			if r.Form.Get("client_assertion") != own[id] || r.Form.Get("client_assertion_type") != assertion.TypeJWT || len(form["client_assertion"]) != 1 || len(named) > 0 || secrets+authorization != "" {
				t.Fatalf("%s is authenticated by %q %q %q", id, authorization, query, body)
			}
		case slices.ContainsFunc(append(form["client_id"], uri["client_id"]...), isAsserting), isAsserting(basicID(authorization)), slices.Contains([]string{own["billing"], own["ledger"], own["pods"]}, r.Form.Get("client_assertion")):
			t.Fatalf("forwarded: %q %q %q", authorization, query, body)
		}
	})
}

func isAsserting(id string) bool {
	return slices.Contains([]string{"billing", "ledger", "pods", "svid", "spring", documentURL}, strings.ToLower(id))
}

// basicID returns the client ID of a Basic pair, or nothing.
func basicID(authorization string) string {
	scheme, pair, _ := strings.Cut(authorization, " ")
	decoded, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(pair))
	id, _, _ := strings.Cut(string(decoded), ":")
	if !strings.EqualFold(scheme, "Basic") {
		return ""
	}
	return id
}
