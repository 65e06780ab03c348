package clients_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
	"oauthgw/internal/clients"
)

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
		r := clients.Attempt{Endpoint: clientauth.Token, Issuer: func(context.Context) string { return authorizationServer }}
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
		form, uri := lenient(body), lenient(query)
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
