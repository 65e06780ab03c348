package proxy_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
	"oauthgw/internal/repair"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// replies sets the repairs of responses.
func replies(r repair.Replies) func(*proxy.Config) {
	return func(c *proxy.Config) { c.Replies = r }
}

// A secret is guessed as well where a repair hides how the provider rejects it.
func TestP15P17RepairedRejectionsCount(t *testing.T) {
	const refresh = "grant_type=refresh_token&refresh_token=x&client_id=app&client_secret=guess"
	mapped := repair.Replies{ErrorIn200: true, InvalidGrant: []repair.ErrorReply{{Status: 401, Error: "unauthorized"}, {Status: 400, Error: "expired_token"}}}
	for _, test := range []struct {
		repairs repair.Replies
		status  int
		body    string
		limited bool
	}{
		{repair.Replies{}, 200, `{"error":"invalid_client"}`, false},
		{mapped, 200, `{"error":"invalid_client"}`, true},
		{mapped, 200, `{"error":"expired_token"}`, false},
		{mapped, 401, `{"error":"unauthorized"}`, true},
	} {
		f := &front{metrics: metrics.New(metrics.Build{}), log: discard()}
		h := newHandler(t, "http://provider.example", f, limiting(10, 100), replies(test.repairs), over(func(r *http.Request) (*http.Response, error) {
			return respond(r, test.status, http.Header{"Content-Type": {"application/json"}}, test.body), nil
		}))
		var last int
		for range 12 {
			last = serve(h, "POST", "/oauth2/tokens", refresh, ofForm()).Code
		}
		if limited := last == http.StatusTooManyRequests; limited != test.limited {
			t.Errorf("%+v, %d %s: limited is %v", test.repairs, test.status, test.body, limited)
		}
	}
}

// Where a client that did not use HTTP Basic gets no challenge, it gets no 401 either.
func TestP15WithoutChallenge(t *testing.T) {
	for authorization, want := range map[string]int{"": 400, basicField: 401} {
		w := answering(t, 200, http.Header{"Content-Type": {"application/json"}}, `{"error":"invalid_client"}`, authorization,
			replies(repair.Replies{ErrorIn200: true}), func(c *proxy.Config) { c.Challenge = proxy.ChallengeBasic })
		if w.Code != want || (w.Header().Get("Www-Authenticate") != "") != (want == 401) {
			t.Errorf("%q: got %d %v", authorization, w.Code, w.Header())
		}
	}
}

// The log names the repairs that are not configured and would help. The response stays.
func TestSuggestedRepairs(t *testing.T) {
	for _, test := range []struct {
		repairs         repair.Replies
		kind, body      string
		done, suggested string
	}{
		{repair.Replies{}, "", "access_token=x", "", "replies.form_to_json"},
		{repair.Replies{}, "text/plain", `{"error":"x"}`, "media_type", "replies.error_in_200"},
		{repair.Replies{}, "", `{"access_token":"x","token_type":"","expires_in":"1","scope":["a"],"id_token":null}`, "null,media_type", "replies.token_type,replies.numbers,replies.scope_list"},
		{repair.Replies{Numbers: true, TokenType: "Bearer"}, "application/json", `{"access_token":"x","expires_in":"1","scope":["a"]}`, "replies.token_type,replies.numbers", "replies.scope_list"},
		{repair.Replies{}, "application/json", `{"access_token":"x","token_type":"Bearer"}`, "", ""},
	} {
		f := &front{metrics: metrics.New(metrics.Build{}), log: discard()}
		h := newHandler(t, "http://provider.example", f, replies(test.repairs), over(func(r *http.Request) (*http.Response, error) {
			return respond(r, 200, http.Header{"Content-Type": {test.kind}}, test.body), nil
		}))
		w := serve(h, "POST", "/oauth2/tokens", tokenForm, ofForm())
		for key, want := range map[string]string{"repairs": test.done, "repairs_suggested": test.suggested} {
			if got := f.log.String(); want != "" && !strings.Contains(got, `"`+key+`":"`+want+`"`) || want == "" && strings.Contains(got, key+`":`) {
				t.Errorf("%s: want %s %q, logged %s", test.body, key, want, got)
			}
		}
		if test.done == "" && w.Body.String() != test.body {
			t.Errorf("%s became %s", test.body, w.Body)
		}
	}
}

// With all repairs, a status of an error stays one, and no token is added or changed.
func FuzzRepairs(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"x","token_type":null,"expires_in":"1","scope":["a"]}`, `{"error":"x","access_token":null}`, "access_token=x&expires_in=1", "error=x",
		"\ufeff" + `{"error":"gone","refresh_token":""}`, `{"access_token":"x","access_token":"y"}`, "<p>access_token=x",
	} {
		f.Add(200, "", body)
		f.Add(201, "text/plain", body)
		f.Add(400, "application/x-www-form-urlencoded", body)
	}
	all := repair.Replies{Numbers: true, FormToJSON: true, ErrorIn200: true, TokenType: "Bearer", ScopeList: true, InvalidGrant: []repair.ErrorReply{{Status: 400, Error: "gone"}}}
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		if status < 200 || status > 599 {
			return
		}
		h := endpointOver(t, func(r *http.Request) (*http.Response, error) {
			return respond(r, status, http.Header{"Content-Type": {contentType}}, body), nil
		}, replies(all))
		w := serve(h, "POST", "/oauth2/tokens", "grant_type=refresh_token&refresh_token=x", ofForm())
		o, _ := jsonobject.Parse(w.Body.Bytes())
		token := func(text string) string {
			if o, err := jsonobject.Parse([]byte(strings.TrimPrefix(text, "\ufeff"))); err == nil {
				return o.Text("access_token")
			}
			form, _ := url.ParseQuery(strings.TrimRight(text, "\r\n"))
			return form.Get("access_token")
		}
		switch {
		case w.Code < 300 && status >= 300:
			t.Fatalf("%d %q became %d %s", status, body, w.Code, w.Body)
		case o.Text("access_token") != "" && o.Text("access_token") != token(body):
			t.Fatalf("the token of %q became that of %s", body, w.Body)
		case o.Text("error") != "" && w.Code < 300 && w.Code != status && o.Text("access_token") == "":
			t.Fatalf("%d %q became %d", status, body, w.Code)
		}
	})
}

// A URI with a host stays, and so does a relative one if the public origin is unknown.
func TestP07URIsThatStay(t *testing.T) {
	known := origin.Map{From: []*url.URL{origin.Of("http://provider.example")}, To: origin.Of("https://gw.example")}
	for uri, m := range map[string]origin.Map{"/register/a": {}, "//provider.example/register/a": known} {
		body := `{"client_id":"a","registration_client_uri":"` + uri + `"}`
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			return respond(r, 201, http.Header{"Content-Type": {"application/json"}}, body), nil
		})
		h := proxy.NewRegistration(proxy.RegistrationConfig{URLMap: m, Config: proxy.Config{Endpoint: clientauth.Registration, Target: &url.URL{Scheme: "http", Host: "provider.example", Path: "/register"},
			Transport: transport, Stall: time.Minute, Metrics: metrics.New(metrics.Build{})}})
		if w := serve(h, "POST", "/register", "{}", http.Header{"Content-Type": {"application/json"}}); w.Body.String() != body {
			t.Errorf("%s: got %s", uri, w.Body)
		}
	}
}

// A response with both a token and an error may be an error, so it is not repaired like a success.
func TestP01P04P16ErrorBesideToken(t *testing.T) {
	all := repair.Replies{Numbers: true, FormToJSON: true, ErrorIn200: true, TokenType: "Bearer", ScopeList: true}
	for _, failure := range []string{`"invalid_grant"`, `{"code":1}`, "true"} {
		body := `{"access_token":"x","error":` + failure + `,"expires_in":"1","scope":["a"],"id_token":null,"refresh_token":""}`
		if w := answering(t, 201, http.Header{"Content-Type": {"application/json"}}, body, "", replies(all)); w.Code != 201 || w.Body.String() != body {
			t.Errorf("%s became %d %s", body, w.Code, w.Body)
		}
	}
}

// A byte order mark in front does not hide that a response ends too early.
func TestP09TruncatedBehindByteOrderMark(t *testing.T) {
	for body, want := range map[string]int{"\ufeff" + `{"access_token":"x`: 502, "\ufeff": 502, "\ufeff[1]": 200, "\ufeff" + `{"access_token":"x"}`: 200} {
		if w := answering(t, 200, http.Header{"Content-Type": {"application/json"}}, body, ""); w.Code != want {
			t.Errorf("%q: got %d", body, w.Code)
		}
	}
}
