// Xoauth2 is golang.org/x/oauth2 as a client of the end-to-end tests: it reads jobs from
// standard input, logs in as each client, and prints one line of JSON for each job. See
// ../javascript.mjs.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

type job struct {
	ID            int
	TokenEndpoint string `json:"token_endpoint"`
	ClientID      string `json:"client_id"`
	ClientSecret  string `json:"client_secret"`
	Method        string
	Variant       string
	Grants        []string
	Callback      struct{ Code string }
	CodeVerifier  string `json:"code_verifier"`
	RedirectURI   string `json:"redirect_uri"`
}

type outcome struct {
	ID     int               `json:"id"`
	Grants map[string]string `json:"grants"`
}

func main() {
	var jobs []job
	if err := json.NewDecoder(os.Stdin).Decode(&jobs); err != nil {
		log.Fatal(err)
	}
	encoder := json.NewEncoder(os.Stdout)
	for _, j := range jobs {
		if err := encoder.Encode(outcome{j.ID, j.attempt()}); err != nil {
			log.Fatal(err)
		}
	}
}

func (j job) attempt() map[string]string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	config := &oauth2.Config{
		ClientID:     j.ClientID,
		ClientSecret: j.ClientSecret,
		RedirectURL:  j.RedirectURI,
		Endpoint:     oauth2.Endpoint{TokenURL: j.TokenEndpoint, AuthStyle: j.style()},
	}
	outcomes := map[string]string{}
	token := &oauth2.Token{}
	for _, grant := range j.Grants {
		next, err := j.grant(ctx, config, grant, token)
		if err != nil {
			outcomes[grant] = err.Error()
			continue
		}
		token = next
		outcomes[grant] = "ok"
	}
	return outcomes
}

// style is how the client authenticates. Auto-detection tries Basic first and
// then the form.
func (j job) style() oauth2.AuthStyle {
	switch {
	case j.Variant == "auto-detect":
		return oauth2.AuthStyleAutoDetect
	case j.Method == "client_secret_post":
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

func (j job) grant(ctx context.Context, config *oauth2.Config, grant string, last *oauth2.Token) (*oauth2.Token, error) {
	switch grant {
	case "authorization_code":
		return config.Exchange(ctx, j.Callback.Code, oauth2.VerifierOption(j.CodeVerifier))
	case "refresh_token":
		if last.RefreshToken == "" {
			return nil, errors.New("no refresh token")
		}
		return config.TokenSource(ctx, &oauth2.Token{RefreshToken: last.RefreshToken}).Token()
	case "client_credentials":
		credentials := clientcredentials.Config{
			ClientID:     config.ClientID,
			ClientSecret: config.ClientSecret,
			TokenURL:     config.Endpoint.TokenURL,
			AuthStyle:    config.Endpoint.AuthStyle,
		}
		return credentials.Token(ctx)
	}
	return nil, errors.New("unknown grant")
}
