package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// demoClient is an OAuth client like any other: it registers (RFC 7591), sends
// its user to the authorization endpoint, and presents its credentials by HTTP
// Basic (RFC 6749 section 2.3.1). The user always consents.
type demoClient struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`

	http http.Client
}

const demoRedirectURI = "http://127.0.0.1:1/callback"

func newDemoClient() *demoClient {
	return &demoClient{http: http.Client{
		Timeout: 10 * time.Second,
		// The redirect with the code is the answer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// register obtains a client id and a secret.
func (c *demoClient) register(origin string) error {
	body := `{"client_name":"oauthgw demo","redirect_uris":["` + demoRedirectURI + `"]}`
	resp, err := c.http.Post(origin+"/oauth2/register", "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("demo: registration answered %s", resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(c)
}

// authorize obtains a code, the user's consent included.
func (c *demoClient) authorize(origin string) (code string, err error) {
	query := url.Values{"response_type": {"code"}, "client_id": {c.ID}}
	resp, err := c.http.PostForm(origin+"/oauth2/authorize?"+query.Encode(), url.Values{"decision": {"allow"}})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	location, err := resp.Location()
	if err != nil {
		return "", fmt.Errorf("demo: authorization answered %s: %w", resp.Status, err)
	}
	return location.Query().Get("code"), nil
}

// redeem presents a code at the token endpoint.
func (c *demoClient) redeem(origin, code string) (demoAnswer, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}
	req, err := http.NewRequest(http.MethodPost, origin+"/oauth2/tokens", strings.NewReader(form.Encode()))
	if err != nil {
		return demoAnswer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	resp, err := c.http.Do(req)
	if err != nil {
		return demoAnswer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return demoAnswer{}, err
	}
	a := demoAnswer{status: resp.StatusCode}
	return a, json.Unmarshal(body, &a.members)
}

// demoAnswer is what the token endpoint said.
type demoAnswer struct {
	status  int
	members map[string]any
}

// String tells the error in full, and of a success the names only: the tokens
// are nobody's business.
func (a demoAnswer) String() string {
	if description, ok := a.members["error_description"]; ok {
		return fmt.Sprintf("%d %v: %v", a.status, a.members["error"], description)
	}
	return fmt.Sprintf("%d %s", a.status, words(slices.Sorted(maps.Keys(a.members))))
}

func words(names []string) string { return strings.Join(names, ", ") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
