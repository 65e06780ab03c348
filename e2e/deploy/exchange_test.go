package deploy

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// client does not follow redirects: the one with the code is the answer.
var client = http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// exchange registers a client at an origin, has its user consent, and redeems the
// code by Basic.
func exchange(t *testing.T, origin string) {
	t.Helper()
	var registered struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	registration := ask(t, origin+"/oauth2/register", "application/json", `{"redirect_uris":["http://127.0.0.1:1/callback"]}`, nil)
	decode(t, registration, http.StatusCreated, &registered)

	query := url.Values{"response_type": {"code"}, "client_id": {registered.ID}}
	consent := ask(t, origin+"/oauth2/authorize?"+query.Encode(), "application/x-www-form-urlencoded", "decision=allow", nil)
	consent.Body.Close()
	location, err := consent.Location()
	if err != nil {
		t.Fatalf("authorization answered %s: %v", consent.Status, err)
	}

	form := url.Values{"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}}
	credentials := url.UserPassword(url.QueryEscape(registered.ID), url.QueryEscape(registered.Secret))
	var issued struct {
		Token string `json:"access_token"`
	}
	decode(t, ask(t, origin+"/oauth2/tokens", "application/x-www-form-urlencoded", form.Encode(), credentials), http.StatusOK, &issued)
	if issued.Token == "" {
		t.Error("no token was issued")
	}
}

func ask(t *testing.T, target, mediaType, body string, basic *url.Userinfo) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	if basic != nil {
		password, _ := basic.Password()
		req.SetBasicAuth(basic.Username(), password)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// decode reads an answer. What it says besides is not printed: it may be a secret.
func decode(t *testing.T, resp *http.Response, want int, into any) {
	t.Helper()
	defer resp.Body.Close()
	if resp.StatusCode != want {
		t.Fatalf("%s answered %s", resp.Request.URL.Path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func status(t *testing.T, target string) int {
	t.Helper()
	resp, err := client.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func get(t *testing.T, target string) string {
	t.Helper()
	resp, err := client.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
