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

	"oauthgw/internal/legacy"
)

// client is the client that the provider knows.
var client = legacy.Client{ID: "demo-client", Secret: "demo-secret", RedirectURIs: []string{"http://127.0.0.1:1/callback"}}

// httpClient returns redirects, since the one with the code is the response.
var httpClient = http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// authorize obtains a code from a user who consents.
func authorize(origin string) (code string, err error) {
	query := url.Values{"response_type": {"code"}, "client_id": {client.ID}}
	resp, err := httpClient.PostForm(origin+"/oauth2/authorize?"+query.Encode(), url.Values{"decision": {"allow"}})
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
func redeem(origin, code string) (status int, description string, err error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}
	req, err := http.NewRequest(http.MethodPost, origin+"/oauth2/tokens", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(client.ID, client.Secret)
	resp, err := httpClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	var members map[string]any
	err = json.NewDecoder(resp.Body).Decode(&members)
	if d, ok := members["error_description"]; ok {
		return resp.StatusCode, fmt.Sprintf("%v: %v", members["error"], d), err
	}
	return resp.StatusCode, strings.Join(slices.Sorted(maps.Keys(members)), ", "), err
}
