package demo

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

// client is a standard OAuth client: it registers (RFC 7591), sends its user to the
// authorization endpoint, and authenticates by HTTP Basic (RFC 6749 section 2.3.1). The user
// always consents.
type client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`

	http http.Client
}

const redirectURI = "http://127.0.0.1:1/callback"

func newClient() *client {
	return &client{http: http.Client{
		Timeout: 10 * time.Second,
		// The redirect with the code is the response.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// register obtains a client ID and a secret.
func (c *client) register(origin string) error {
	body := `{"client_name":"oauthgw demo","redirect_uris":["` + redirectURI + `"]}`
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

// authorize obtains a code with the consent of the user.
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

// redeem sends a code to the token endpoint.
func (c *client) redeem(origin, code string) (response, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}
	req, err := http.NewRequest(http.MethodPost, origin+"/oauth2/tokens", strings.NewReader(form.Encode()))
	if err != nil {
		return response{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	resp, err := c.http.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return response{}, err
	}
	a := response{status: resp.StatusCode}
	return a, json.Unmarshal(body, &a.members)
}

// response is a response of the token endpoint.
type response struct {
	status  int
	members map[string]any
}

// String describes an error in full, and a success by its members without the tokens.
func (a response) String() string {
	if description, ok := a.members["error_description"]; ok {
		return fmt.Sprintf("%d %v: %v", a.status, a.members["error"], description)
	}
	return fmt.Sprintf("%d %s", a.status, list(slices.Sorted(maps.Keys(a.members))))
}

func list(names []string) string { return strings.Join(names, ", ") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
