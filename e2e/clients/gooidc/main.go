// Gooidc is coreos/go-oidc with golang.org/x/oauth2 as a client of the end-to-end tests. It
// reads a login from the first line of standard input, prints the authorization URL, reads
// the URL of the callback, and prints the result. Each is one line of JSON.
//
// go-oidc compares the issuer of the metadata with the URL that it discovered, and the
// issuer of the ID token with that of the metadata.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// login is the input of a login.
type login struct {
	Issuer       string `json:"issuer"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RedirectURI  string `json:"redirect_uri"`
}

// line is one line of the output.
type line struct {
	AuthorizationURL string `json:"authorization_url,omitempty"`
	Subject          string `json:"subject,omitempty"`
	Error            string `json:"error,omitempty"`
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out := json.NewEncoder(os.Stdout)
	subject, err := run(ctx, json.NewDecoder(os.Stdin), out)
	last := line{Subject: subject}
	if err != nil {
		last.Error = err.Error()
	}
	if err := out.Encode(last); err != nil {
		log.Fatal(err)
	}
}

// run logs in and returns the subject of the ID token.
func run(ctx context.Context, in *json.Decoder, out *json.Encoder) (string, error) {
	var l login
	if err := in.Decode(&l); err != nil {
		return "", err
	}
	provider, err := oidc.NewProvider(ctx, l.Issuer)
	if err != nil {
		return "", fmt.Errorf("discovery: %w", err)
	}
	config := &oauth2.Config{
		ClientID:     l.ClientID,
		ClientSecret: l.ClientSecret,
		RedirectURL:  l.RedirectURI,
		// It tries Basic and, after a failure, the form.
		Endpoint: provider.Endpoint(),
		Scopes:   []string{oidc.ScopeOpenID},
	}
	verifier, nonce := oauth2.GenerateVerifier(), rand.Text()
	code, err := authorize(config, in, out, oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce))
	if err != nil {
		return "", fmt.Errorf("authorization: %w", err)
	}
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return "", fmt.Errorf("exchange: %w", err)
	}
	rawIDToken, _ := token.Extra("id_token").(string)
	idToken, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: l.ClientID}).Verify(ctx, rawIDToken)
	if err != nil {
		return "", fmt.Errorf("ID token: %w", err)
	}
	if idToken.Nonce != nonce {
		return "", errors.New("the nonce is another")
	}
	return idToken.Subject, nil
}

// authorize sends the browser to the provider and returns the code.
func authorize(config *oauth2.Config, in *json.Decoder, out *json.Encoder, options ...oauth2.AuthCodeOption) (string, error) {
	state := oauth2.GenerateVerifier()
	if err := out.Encode(line{AuthorizationURL: config.AuthCodeURL(state, options...)}); err != nil {
		return "", err
	}
	var callback string
	if err := in.Decode(&callback); err != nil {
		return "", err
	}
	u, err := url.Parse(callback)
	switch {
	case err != nil:
		return "", err
	case u.Query().Get("state") != state:
		return "", errors.New("the state is another")
	case u.Query().Get("code") == "":
		return "", fmt.Errorf("no code but the error %q", u.Query().Get("error"))
	}
	return u.Query().Get("code"), nil
}
