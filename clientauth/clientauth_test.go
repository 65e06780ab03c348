package clientauth_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"oauthgw/clientauth"
)

// basic returns the Authorization field for a pair, which is not encoded.
func basic(pair string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// request builds a request from Authorization fields, a query and a form.
func request(t *testing.T, authorization []string, query, form string) clientauth.Request {
	t.Helper()
	q, err := clientauth.ParseForm(query)
	if err != nil {
		t.Fatalf("query: %v", err)
	}
	f, err := clientauth.ParseForm(form)
	if err != nil {
		t.Fatalf("form: %v", err)
	}
	return clientauth.Request{Header: http.Header{"Authorization": authorization}, Query: q, Form: f}
}

func TestMethods(t *testing.T) {
	for name, test := range map[string]struct {
		authorization, form string
		method              clientauth.Method
		id, secret          string
	}{
		"basic":                        {basic("app:s"), "grant_type=x", clientauth.Basic, "app", "s"},
		"basic in another case":        {strings.Replace(basic("app:s"), "Basic", "bAsIc", 1), "", clientauth.Basic, "app", "s"},
		"basic after two spaces":       {strings.Replace(basic("app:s"), " ", "  ", 1), "", clientauth.Basic, "app", "s"},
		"basic with colons in secret":  {basic("app:a:b:c"), "", clientauth.Basic, "app", "a:b:c"},
		"basic with empty secret":      {basic("app:"), "", clientauth.Basic, "app", ""},
		"basic beside equal client_id": {basic("app:s"), "client_id=app", clientauth.Basic, "app", "s"},
		"basic beside equal pair":      {basic("app:s"), "client_id=app&client_secret=s", clientauth.Basic, "app", "s"},
		"basic beside empty pair":      {basic("app:s"), "client_id=&client_secret=", clientauth.Basic, "app", "s"},
		"post":                         {"", "client_id=app&client_secret=s", clientauth.Post, "app", "s"},
		"post beside bearer":           {"Bearer x", "client_id=app&client_secret=s", clientauth.Post, "app", "s"},
		"assertion":                    {"", "client_id=app&client_assertion=a&client_assertion_type=b", clientauth.Assertion, "app", ""},
		"assertion without client_id":  {"", "client_assertion=a", clientauth.Assertion, "", ""},
		"bearer":                       {"Bearer x", "token=t", clientauth.Other, "", ""},
		"a scheme that begins alike":   {"Basics YTpi", "token=t", clientauth.Other, "", ""},
		"public client":                {"", "client_id=app", clientauth.None, "app", ""},
		"public client, empty secret":  {"", "client_id=app&client_secret=", clientauth.None, "app", ""},
		"no client":                    {"", "grant_type=x", clientauth.None, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var fields []string
			if test.authorization != "" {
				fields = []string{test.authorization}
			}
			c, err := clientauth.New(clientauth.Config{}).Read(request(t, fields, "", test.form))
			if err != nil {
				t.Fatal(err)
			}
			if c.Method != test.method || c.ClientID != test.id || c.Secret.Reveal() != test.secret {
				t.Errorf("got %s %q %q, want %s %q %q", c.Method, c.ClientID, c.Secret.Reveal(), test.method, test.id, test.secret)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		authorization []string
		query, form   string
		want          error
	}{
		"two basic fields":             {[]string{basic("a:b"), basic("c:d")}, "", "", clientauth.ErrRepeatedAuthorization},
		"bearer and basic fields":      {[]string{"Bearer x", basic("c:d")}, "", "", clientauth.ErrRepeatedAuthorization},
		"two pairs in one field":       {[]string{"Basic YTpi, Basic Yzpk"}, "", "", clientauth.ErrMalformedBasic},
		"scheme alone":                 {[]string{"Basic"}, "", "", clientauth.ErrMalformedBasic},
		"tab after scheme":             {[]string{"Basic\tYTpi"}, "", "", clientauth.ErrMalformedBasic},
		"no space after scheme":        {[]string{"Basic,YTpi"}, "", "", clientauth.ErrMalformedBasic},
		"outside the alphabet":         {[]string{"Basic YXBw!OnM="}, "", "", clientauth.ErrMalformedBasic},
		"missing padding":              {[]string{"Basic YXBwOmE"}, "", "", clientauth.ErrMalformedBasic},
		"url-safe alphabet":            {[]string{"Basic YXBwOv_-"}, "", "", clientauth.ErrMalformedBasic},
		"space inside":                 {[]string{"Basic YXBw OmFi"}, "", "", clientauth.ErrMalformedBasic},
		"line break inside":            {[]string{"Basic YXBw\nOmFi"}, "", "", clientauth.ErrMalformedBasic},
		"non-canonical last character": {[]string{"Basic YTp="}, "", "", clientauth.ErrMalformedBasic},
		"no colon":                     {[]string{basic("apps3cret")}, "", "", clientauth.ErrMalformedBasic},
		"encoded colon":                {[]string{basic("myClient%3AmySecret")}, "", "", clientauth.ErrEncodedColon},
		"empty id":                     {[]string{basic(":s3cret")}, "", "", clientauth.ErrEmptyClientID},
		"control character":            {[]string{basic("app:a\x00b")}, "", "", clientauth.ErrBasicCharacter},
		"encoded line break":           {[]string{basic("app:a%0D%0Ab")}, "", "", clientauth.ErrBasicCharacter},
		"too long":                     {[]string{"Basic " + strings.Repeat("YTpi", 4000)}, "", "", clientauth.ErrLongAuthorization},

		"basic and another secret":              {[]string{basic("app:x")}, "", "client_id=app&client_secret=y", clientauth.ErrMultipleMethods},
		"basic and a secret without id":         {[]string{basic("app:x")}, "", "client_secret=x", clientauth.ErrMultipleMethods},
		"basic without secret and a secret":     {[]string{basic("app:")}, "", "client_secret=x", clientauth.ErrMultipleMethods},
		"basic and assertion":                   {[]string{basic("app:x")}, "", "client_assertion=e30.e30.x", clientauth.ErrMultipleMethods},
		"basic without secret and assertion":    {[]string{basic("app:")}, "", "client_id=app&client_assertion=e30.e30.x", clientauth.ErrMultipleMethods},
		"basic and assertion type":              {[]string{basic("app:x")}, "", "client_assertion_type=y", clientauth.ErrMultipleMethods},
		"secret and assertion":                  {nil, "", "client_id=app&client_secret=x&client_assertion=y", clientauth.ErrMultipleMethods},
		"malformed basic and a secret":          {[]string{basic("apps3cret")}, "", "client_id=app&client_secret=x", clientauth.ErrMultipleMethods},
		"basic and another client_id":           {[]string{basic("app:x")}, "", "client_id=other", clientauth.ErrDifferentClientID},
		"basic and another client_id in query":  {[]string{basic("app:x")}, "client_id=other", "", clientauth.ErrDifferentClientID},
		"secret in query":                       {nil, "client_secret=x", "client_id=app", clientauth.ErrQueryCredentials},
		"assertion in query":                    {nil, "client_assertion=x", "client_id=app", clientauth.ErrQueryCredentials},
		"parameter in query and body":           {nil, "client_id=app", "client_id=app", clientauth.ErrRepeatedParameter},
		"parameter in query and empty in body":  {nil, "scope=a", "scope=", clientauth.ErrRepeatedParameter},
		"client_id of basic differs in case":    {[]string{basic("app:x")}, "", "client_id=App", clientauth.ErrDifferentClientID},
		"client_id of basic differs by a space": {[]string{basic("app:x")}, "", "client_id=app+", clientauth.ErrDifferentClientID},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := clientauth.New(clientauth.Config{}).Read(request(t, test.authorization, test.query, test.form))
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// Of each field some server drops or trims characters, and then finds another scheme.
func TestA166MalformedAuthorization(t *testing.T) {
	pair := basic("app:x")
	for _, field := range []string{"\xa0" + pair, "\x85" + pair, "\u00a0" + pair, "\ufeff" + pair, "\u200b" + pair, "," + pair, `"` + pair, "=" + pair,
		"\x0b" + pair, "Bearer\xa0x", "Bearer x\xa0", "Bearer x\x7f", "Bearer\x00x", "Bearer,x", "Bearer=x", "Bear\xa0er x"} {
		for _, form := range []string{"grant_type=x", "client_id=other&client_secret=y"} {
			for _, conflict := range []clientauth.Conflict{clientauth.ConflictDiffering, clientauth.ConflictReport} {
				rules := clientauth.New(clientauth.Config{Conflict: conflict})
				if _, err := rules.Read(request(t, []string{field}, "", form)); !errors.Is(err, clientauth.ErrMalformedAuthorization) {
					t.Errorf("%q beside %s under %s: got %v", field, form, conflict, err)
				}
			}
		}
		h := http.Header{"Authorization": {field}}
		if err := clientauth.CheckAuthorization(h); !errors.Is(err, clientauth.ErrMalformedAuthorization) || !clientauth.HasScheme(h, "Bearer") || !clientauth.HasScheme(h, "Basic") {
			t.Errorf("%q: got %v", field, err)
		}
	}
	for _, field := range []string{"", "Bearer", "Bearer x", "Bearer\tx", " Bearer  x ", `Digest username="app", realm="x"`} {
		if c, err := clientauth.New(clientauth.Config{}).Read(request(t, []string{field}, "", "")); err != nil || c.Method != clientauth.Other {
			t.Errorf("%q: got %s, %v", field, c.Method, err)
		}
	}
	if clientauth.HasScheme(http.Header{"Authorization": {"Digest x"}}, "Bearer") {
		t.Error("Digest is taken for Bearer")
	}
}

func TestA197CookiesThatAreReadAsParameters(t *testing.T) {
	for cookies, want := range map[string]error{
		"":      nil,
		"a=b":   nil,
		"a=b; ": nil,
		"session=client_secret; id=client_id; __Host-client_id=a; client_ids=b; method=c; x=%zz": nil,
		"client_id=other":               clientauth.ErrCookieParameter,
		"a=b; client_secret=y":          clientauth.ErrCookieParameter,
		"a=b;client_assertion=y":        clientauth.ErrCookieParameter,
		"a=b, client_assertion_type=y":  clientauth.ErrCookieParameter,
		"grant_type=client_credentials": clientauth.ErrCookieParameter,
		"Client_Secret=y":               clientauth.ErrCookieParameter,
		"client.id=y":                   clientauth.ErrCookieParameter,
		"client%5Fid=y":                 clientauth.ErrCookieParameter,
		"client_secret[]=y":             clientauth.ErrCookieParameter,
		"client_\u017fecret=y":          clientauth.ErrCookieParameter,
		"_method=PUT":                   clientauth.ErrCookieParameter,
		"client_secret":                 clientauth.ErrCookieParameter,
	} {
		req := request(t, []string{basic("app:x")}, "", "grant_type=x")
		req.Header["Cookie"] = []string{"first=1", cookies}
		if _, err := clientauth.New(clientauth.Config{}).Read(req); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", cookies, err, want)
		}
	}
}

func TestLongestAuthorization(t *testing.T) {
	longest := basic("app:" + strings.Repeat("s", (9<<10-len("Basic "))/4*3-4))
	for len(longest) < 9<<10 {
		longest += " "
	}
	for field, want := range map[string]error{longest: nil, longest + " ": clientauth.ErrLongAuthorization} {
		_, err := clientauth.New(clientauth.Config{}).Read(request(t, []string{field}, "", ""))
		if want == nil && err != nil || !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v, want %v", len(field), err, want)
		}
	}
}

func TestQueryCredentials(t *testing.T) {
	insecure, secure := clientauth.New(clientauth.Config{InsecureQueryCredentials: true}), clientauth.New(clientauth.Config{})
	c, err := insecure.Read(request(t, nil, "client_id=app&client_secret=s", "a=b"))
	if err != nil || c.Method != clientauth.Post || c.ClientID != "app" || c.Secret.Reveal() != "s" {
		t.Errorf("got %s %q %v", c.Method, c.ClientID, err)
	}
	for _, query := range []string{"client_assertion=x", "client_assertion_type=x", "client_secret=x"} {
		for _, rules := range []*clientauth.Rules{insecure, secure} {
			_, err := rules.Read(request(t, nil, query, "a=b"))
			if accepted := rules == insecure && query == "client_secret=x"; accepted != (err == nil) || !accepted && !errors.Is(err, clientauth.ErrQueryCredentials) {
				t.Errorf("%s: got %v", query, err)
			}
		}
	}
	if _, err := insecure.Read(request(t, []string{basic("app:x")}, "client_secret=y", "")); !errors.Is(err, clientauth.ErrMultipleMethods) {
		t.Errorf("a second method in the query: got %v", err)
	}
}

func TestBasicNeedsAForm(t *testing.T) {
	rules := clientauth.New(clientauth.Config{})
	req := request(t, []string{basic("app:s")}, "", "")
	req.Form = nil
	if _, err := rules.Read(req); !errors.Is(err, clientauth.ErrNotForm) {
		t.Errorf("got %v, want %v", err, clientauth.ErrNotForm)
	}
	req.Header.Set("Authorization", "Bearer x")
	if c, err := rules.Read(req); err != nil || c.Method != clientauth.Other {
		t.Errorf("got %s, %v; a body that is not a form passes without Basic", c.Method, err)
	}
}

func TestConflictPolicies(t *testing.T) {
	if _, err := clientauth.New(clientauth.Config{Conflict: clientauth.ConflictReport}).Read(request(t, []string{"Basic !"}, "", "client_id=app&client_secret=x")); err == nil {
		t.Error("a malformed Basic field beside another method passed")
	}
	const equal, differing, otherID = "client_id=app&client_secret=x", "client_id=app&client_secret=y", "client_id=other"
	for _, test := range []struct {
		conflict        clientauth.Conflict
		form            string
		want, tolerated *clientauth.Error
	}{
		{clientauth.ConflictDiffering, equal, nil, nil},
		{clientauth.ConflictDiffering, differing, clientauth.ErrMultipleMethods, nil},
		{clientauth.ConflictAny, equal, clientauth.ErrMultipleMethods, nil},
		{clientauth.ConflictAny, "client_id=app", nil, nil},
		{clientauth.ConflictReport, equal, nil, nil},
		{clientauth.ConflictReport, differing, nil, clientauth.ErrMultipleMethods},
		{clientauth.ConflictReport, otherID, nil, clientauth.ErrDifferentClientID},
	} {
		c, err := clientauth.New(clientauth.Config{Conflict: test.conflict}).Read(request(t, []string{basic("app:x")}, "", test.form))
		if test.want != nil && errors.Is(err, test.want) {
			continue
		}
		if err != nil || test.want != nil || c.Tolerated != test.tolerated || c.Method != clientauth.Basic || c.ClientID != "app" || c.Secret.Reveal() != "x" {
			t.Errorf("%s, %s: got %s %q, tolerated %v, %v", test.conflict, test.form, c.Method, c.ClientID, c.Tolerated, err)
		}
	}
}

// BenchmarkRestate parses the form of a token request, reads its credentials, moves them into
// the form and encodes it.
func BenchmarkRestate(b *testing.B) {
	const form = "grant_type=authorization_code&code=Sp1xlOBeZQQYbYS6WxSbIASp1xlOBeZQQYbYS6WxSbIA" +
		"&redirect_uri=http%3A%2F%2F127.0.0.1%3A53682%2Fcallback&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" +
		"&resource=https%3A%2F%2Flogin.example.com%2Fapi%2Fmcp"
	rules := clientauth.New(clientauth.Config{})
	header := http.Header{"Authorization": {"Basic Y2xpZW50LTAwMDAwMTpzM2NyZXQlMkYlMkIlQzMlQTklMjU0MSslM0ElMjYlM0Q="}}
	b.ReportAllocs()
	for b.Loop() {
		parsed, err := clientauth.ParseForm(form)
		if err != nil {
			b.Fatal(err)
		}
		c, err := rules.Read(clientauth.Request{Header: header, Form: parsed})
		if err != nil {
			b.Fatal(err)
		}
		if parsed.WithCredentials(c.ClientID, c.Secret).Encode() == form {
			b.Fatal("nothing was restated")
		}
	}
}
