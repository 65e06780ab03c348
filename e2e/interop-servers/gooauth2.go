package main

import (
	"net/http"
	"slices"

	"github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/errors"
	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	oauth2server "github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"
)

type goOAuth2 struct {
	*oauth2server.Server
	known *store.ClientStore
}

// newGoOAuth2 returns a server that reads clients with ClientFormHandler, which reads the
// form and never the Authorization header.
func newGoOAuth2(clients []client) (server, error) {
	manager := manage.NewDefaultManager()
	manager.MustTokenStorage(store.NewMemoryTokenStore())
	known := store.NewClientStore()
	manager.MapClientStorage(known)
	manager.SetValidateURIHandler(exactly)

	s := oauth2server.NewDefaultServer(manager)
	s.SetClientInfoHandler(oauth2server.ClientFormHandler)
	s.SetAllowedGrantType(oauth2.AuthorizationCode, oauth2.Refreshing, oauth2.ClientCredentials)
	s.SetUserAuthorizationHandler(func(http.ResponseWriter, *http.Request) (string, error) { return "user", nil })
	made := goOAuth2{s, known}
	for _, c := range clients {
		if err := made.add(c); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// add ignores the method: this library has none per client.
func (s goOAuth2) add(c client) error {
	// Redirect URIs must begin with the domain.
	return s.known.Set(c.ID, &models.Client{ID: c.ID, Secret: c.Secret, Domain: c.RedirectURIs[0]})
}

// exactly compares redirect URIs (RFC 9700 section 4.1.3). The library's default accepts
// every URI on the same host.
func exactly(registered, asked string) error {
	if !slices.Contains([]string{"", registered}, asked) {
		return errors.ErrInvalidRedirectURI
	}
	return nil
}

func (s goOAuth2) authorize(w http.ResponseWriter, r *http.Request) {
	if err := s.HandleAuthorizeRequest(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (s goOAuth2) token(w http.ResponseWriter, r *http.Request) {
	if err := s.HandleTokenRequest(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
