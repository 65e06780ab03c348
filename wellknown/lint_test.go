package wellknown_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/metrics"
	"oauthgw/wellknown"
)

// trueDocument is what no strict client objects to.
const trueDocument = `{"issuer":"https://gw.example","authorization_endpoint":"https://gw.example/a","token_endpoint":"https://gw.example/t",` +
	`"response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}`

func TestTruth(t *testing.T) {
	moved := strings.ReplaceAll(trueDocument, "gw.example", "idp.example")
	with := func(document, members string) string { return strings.TrimSuffix(document, "}") + "," + members + "}" }
	gw := origin.Of("https://gw.example")
	for name, test := range map[string]struct {
		document string
		public   *url.URL
		issuer   wellknown.IssuerMode
		paths    map[clientauth.Endpoint]string
		want     []string // how each sentence begins
	}{
		"all is true": {document: trueDocument},
		"an endpoint elsewhere": {document: with(trueDocument, `"revocation_endpoint":"https://b/r"`),
			want: []string{"The revocation_endpoint in the metadata is at \"https://b\", which is not the origin that clients use (https://gw.example)"}},
		"an endpoint that is not named": {document: trueDocument, paths: map[clientauth.Endpoint]string{"token": "/t", "revocation": "/r"},
			want: []string{"endpoints.revocation is fronted at /r, but the metadata names no revocation_endpoint"}},
		"an endpoint that is no URL": {document: strings.Replace(trueDocument, "https://gw.example/t", "/t", 1),
			want: []string{"The token_endpoint in the metadata is no http or https URL"}},
		"another path": {document: trueDocument, paths: map[clientauth.Endpoint]string{"token": "/other"},
			want: []string{"endpoints.token is fronted at /other, but the metadata sends clients to \"/t\""}},
		"another issuer": {document: strings.Replace(trueDocument, `"issuer":"https://gw.example"`, `"issuer":"https://idp.example"`, 1), public: gw,
			want: []string{"Clients that begin at https://gw.example find the issuer \"https://idp.example\" and refuse it",
				"The authorization_endpoint is at \"https://gw.example\" and the issuer at \"https://idp.example\""}},
		"a browser elsewhere": {document: strings.Replace(trueDocument, "https://gw.example/a", "https://b/a", 1),
			want: []string{"The authorization_endpoint is at \"https://b\" and the issuer at \"https://gw.example\", which Codex"}},
		"a browser elsewhere, and iss": {document: with(strings.Replace(trueDocument, "https://gw.example/a", "https://b/a", 1), `"authorization_response_iss_parameter_supported":true`)},
		"an issuer that is no URL": {document: strings.Replace(trueDocument, `"issuer":"https://gw.example"`, `"issuer":"coder"`, 1), public: gw,
			want: []string{"The issuer is no http or https URL"}},
		"an issuer with a query": {document: strings.Replace(trueDocument, `"issuer":"https://gw.example"`, `"issuer":"https://gw.example?a"`, 1),
			want: []string{"The issuer has a query or a fragment"}},
		"plain http": {document: strings.ReplaceAll(trueDocument, "https://", "http://"),
			want: []string{"The issuer is plain http on another host"}},
		"plain http on this host": {document: strings.ReplaceAll(trueDocument, "https://gw.example", "http://127.0.0.1:1")},
		"moved":                   {document: moved, public: gw, issuer: wellknown.IssuerRewrite},
		"moved with what names the issuer": {public: gw, issuer: wellknown.IssuerRewrite,
			document: with(moved, `"authorization_response_iss_parameter_supported":true,"jwks_uri":"https://idp.example/j","token_endpoint_auth_methods_supported":["private_key_jwt"],"token_endpoint_auth_signing_alg_values_supported":["RS256"]`),
			want: []string{
				"Authorization responses name the issuer \"https://idp.example\" (RFC 9207)",
				"ID tokens and JWT access tokens name the issuer \"https://idp.example\"",
				"Client assertions made from the rewritten metadata name the public origin"}},
		"where it is already": {document: with(trueDocument, `"jwks_uri":"https://gw.example/j"`), public: gw, issuer: wellknown.IssuerRewrite},
		"assertions without algorithms": {document: with(trueDocument, `"token_endpoint_auth_methods_supported":["private_key_jwt"]`),
			want: []string{"The metadata lists client assertions at the token endpoint and no algorithms for them"}},
		"a bare document": {document: `{"issuer":"https://gw.example","token_endpoint":"https://gw.example/t"}`,
			want: []string{"The metadata lacks authorization_endpoint", "The metadata lacks response_types_supported", "The metadata does not list S256"}},
		"none beside registration": {document: with(trueDocument, `"registration_endpoint":"https://gw.example/reg","token_endpoint_auth_methods_supported":["client_secret_post","none"]`),
			want: []string{"The provider lists the method none beside registration"}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.paths == nil {
				test.paths = map[clientauth.Endpoint]string{"token": "/t"}
			}
			got, err := sourceOf(t, test.document, test.public, test.issuer).Truth(t.Context(), test.paths)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range test.want {
				if len(got) != len(test.want) || !strings.HasPrefix(got[i], want) {
					t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("got\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

// sourceOf returns a source before a provider that publishes one document.
func sourceOf(t *testing.T, text string, public *url.URL, issuer wellknown.IssuerMode) *wellknown.Source {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(provider.Close)
	s, err := wellknown.NewSource(wellknown.SourceConfig{
		Upstream: origin.Of(provider.URL), Public: public, Issuer: issuer, Passthrough: true, Transport: http.DefaultTransport,
		TTL: time.Minute, Entries: 1, Metrics: metrics.New(metrics.Build{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
