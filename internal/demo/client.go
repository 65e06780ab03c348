package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// client is a standard OAuth client. It authenticates by HTTP Basic (RFC 6749 section 2.3.1).
type client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`

	http http.Client
}

func newClient() *client {
	return &client{http: http.Client{
		Timeout: 10 * time.Second,
		// The redirect with the code is the response.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// register obtains a client ID and a secret (RFC 7591).
func (c *client) register(origin string) error {
	body := `{"client_name":"oauthgw demo","redirect_uris":["http://127.0.0.1:1/callback"]}`
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

// authorize obtains a code from a user who consents.
func (c *client) authorize(origin string) (code string, err error) {
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

// redeem sends a code to the token endpoint. It describes an error in full, and a success by
// its members without the tokens.
func (c *client) redeem(origin, code string) (status int, description string, err error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}
	req, err := http.NewRequest(http.MethodPost, origin+"/oauth2/tokens", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	var members map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&members); err != nil {
		return 0, "", err
	}
	if d, ok := members["error_description"]; ok {
		return resp.StatusCode, fmt.Sprintf("%v: %v", members["error"], d), nil
	}
	return resp.StatusCode, strings.Join(slices.Sorted(maps.Keys(members)), ", "), nil
}
