package main

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
	"golang.org/x/crypto/bcrypt"
)

type fositeServer struct {
	provider fosite.OAuth2Provider
	config   *fosite.Config
	store    *storage.MemoryStore
}

// newFosite returns a server whose clients have one method each, as in Hydra. With
// client_secret_post it rejects Basic, even beside a correct form.
func newFosite(clients []client) (server, error) {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	config := &fosite.Config{
		GlobalSecret: key,
		// The cheapest hash is enough for the secrets of a test.
		HashCost: bcrypt.MinCost,
		// Every grant comes with a refresh token, whatever its scope.
		RefreshTokenScopes: []string{},
	}
	store := storage.NewMemoryStore()
	provider := compose.Compose(config, store, compose.NewOAuth2HMACStrategy(config),
		compose.OAuth2AuthorizeExplicitFactory,
		compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2RefreshTokenGrantFactory,
		compose.OAuth2PKCEFactory,
	)
	s := fositeServer{provider, config, store}
	for _, c := range clients {
		if err := s.add(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s fositeServer) add(c client) error {
	made, err := fositeClient(s.config, c)
	if err != nil {
		return err
	}
	s.store.Clients[c.ID] = made
	return nil
}

// fositeClient returns an OpenID Connect client, because only these have a method.
func fositeClient(config *fosite.Config, c client) (fosite.Client, error) {
	hash, err := config.GetSecretsHasher(context.Background()).Hash(context.Background(), []byte(c.Secret))
	if err != nil {
		return nil, err
	}
	return &fosite.DefaultOpenIDConnectClient{
		DefaultClient: &fosite.DefaultClient{
			ID:            c.ID,
			Secret:        hash,
			RedirectURIs:  c.RedirectURIs,
			ResponseTypes: fosite.Arguments{"code"},
			Scopes:        fosite.Arguments{"read"},
			GrantTypes:    fosite.Arguments{"authorization_code", "refresh_token", "client_credentials"},
		},
		TokenEndpointAuthMethod: c.Method,
	}, nil
}

func (s fositeServer) authorize(w http.ResponseWriter, r *http.Request) {
	request, err := s.provider.NewAuthorizeRequest(r.Context(), r)
	if err != nil {
		s.provider.WriteAuthorizeError(r.Context(), w, request, err)
		return
	}
	response, err := s.provider.NewAuthorizeResponse(r.Context(), request, &fosite.DefaultSession{Subject: "user"})
	if err != nil {
		s.provider.WriteAuthorizeError(r.Context(), w, request, err)
		return
	}
	s.provider.WriteAuthorizeResponse(r.Context(), w, request, response)
}

func (s fositeServer) token(w http.ResponseWriter, r *http.Request) {
	request, err := s.provider.NewAccessRequest(r.Context(), r, &fosite.DefaultSession{})
	if err != nil {
		s.provider.WriteAccessError(r.Context(), w, request, err)
		return
	}
	response, err := s.provider.NewAccessResponse(r.Context(), request)
	if err != nil {
		s.provider.WriteAccessError(r.Context(), w, request, err)
		return
	}
	s.provider.WriteAccessResponse(r.Context(), w, request, response)
}
