package doctor_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/doctor"
)

// TestCA47Algorithms checks the lists of algorithms where the metadata lists methods that sign.
func TestCA47Algorithms(t *testing.T) {
	const methods, algorithms = `"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post",`, `,"token_endpoint_auth_signing_alg_values_supported":`
	const revoking = `"none"],"revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","private_key_jwt"]`
	const lacks = "warning: metadata: The metadata lists %s in token_endpoint_auth_methods_supported, but lacks token_endpoint_auth_signing_alg_values_supported."
	for members, want := range map[string][]string{
		methods + `"private_key_jwt"]` + algorithms + `["ES256"]`: nil,
		methods + `"none"]`:            {},
		methods + `"private_key_jwt"]`: {strings.Replace(lacks, "%s", "private_key_jwt", 1)},
		methods + `"private_key_jwt","client_secret_jwt"]` + algorithms + `7`:                 {strings.Replace(lacks, "%s", "private_key_jwt and client_secret_jwt", 1)},
		methods + `"private_key_jwt"]` + algorithms + `["none","ES256"]`:                      {"problem: metadata: The metadata lists the algorithm none in token_endpoint_auth_signing_alg_values_supported"},
		methods + `"private_key_jwt"]` + algorithms + `["HS256","ES256","HS512"]`:             {`warning: metadata: The metadata lists "HS256", "HS512" in token_endpoint_auth_signing_alg_values_supported without client_secret_jwt.`},
		methods + `"client_secret_jwt","private_key_jwt"]` + algorithms + `["HS256","ES256"]`: {},
		methods + revoking: {"warning: metadata: The metadata lists private_key_jwt in revocation_endpoint_auth_methods_supported, but lacks revocation_endpoint_auth_signing_alg_values_supported."},
	} {
		s := newServer(t, func(s *server) {
			s.replace(`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]`, members)
		})
		if got := findings(t, s); !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s: found\n%s", members, strings.Join(got, "\n"))
		}
	}
}

func findings(t *testing.T, s *server) []string {
	return strings.FieldsFunc(text(examine(t, doctor.Config{URL: s.URL})), func(r rune) bool { return r == '\n' })
}

// TestCA47Assertion checks what is found for each answer to the assertion of a client that does not
// exist, and that the assertion is well-formed, so that it fails for the client alone.
func TestCA47Assertion(t *testing.T) {
	const signed = `"client_secret_post","private_key_jwt"],"token_endpoint_auth_signing_alg_values_supported":["RS256"]`
	const at, unread = "token endpoint: The answer to private_key_jwt ", "note: token endpoint: The answer to private_key_jwt is status 400 "
	answer := func(status int, code string) page {
		return page{status, map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}, `{"error":"` + code + `"}`}
	}
	for name, test := range map[string]struct {
		change func(*server)
		want   []string
	}{
		"rejected with 401": {func(*server) {}, nil},
		"rejected with 400": {func(s *server) { s.signed = answer(400, "invalid_client") }, nil},
		"not read":          {func(s *server) { s.signed = answer(400, "invalid_request") }, []string{unread + `"invalid_request" and not invalid_client`}},
		"judged later":      {func(s *server) { s.signed = answer(400, "invalid_grant") }, []string{unread + `"invalid_grant" and not invalid_client`}},
		"as every unknown client": {func(s *server) {
			s.basic, s.post, s.signed = answer(400, "access_denied"), answer(400, "access_denied"), answer(400, "access_denied")
		}, []string{"note: revocation endpoint: The answers do not show", "note: token endpoint: The answers do not show"}},
		"token":                   {func(s *server) { s.signed = page{200, s.signed.header, `{"access_token":"x","token_type":"Bearer"}`} }, []string{"problem: " + at + "has status 200, although the client does not exist and the signature is random."}},
		"error with 200":          {func(s *server) { s.signed = answer(200, "invalid_client") }, []string{"problem: " + at + "has status 200, although the client does not exist. Clients take that for success"}},
		"failure":                 {func(s *server) { s.signed = page{status: 500} }, []string{"problem: " + at + "has status 500"}},
		"same failure everywhere": {func(s *server) { s.basic, s.post, s.signed = page{status: 500}, page{status: 500}, page{status: 500} }, []string{"problem: revocation endpoint: The answer to Basic and to post has status 500", "problem: token endpoint: The answer to Basic and to post has status 500"}},
		"page":                    {func(s *server) { s.signed = page{400, s.signed.header, "<html>"} }, []string{"problem: " + at + "(status 400) is not a JSON object"}},
	} {
		s := newServer(t, func(s *server) { s.replace(`"client_secret_post"]`, signed) })
		test.change(s)
		got := findings(t, s)
		if slices.Sort(got); !slices.EqualFunc(got, test.want, strings.HasPrefix) {
			t.Errorf("%s: found\n%s", name, strings.Join(got, "\n"))
		}
		i := slices.IndexFunc(s.requests, func(r string) bool { return strings.Contains(r, "client_assertion=") })
		_, body, _ := strings.Cut(s.requests[max(i, 0)], "\n\n")
		checkAssertion(t, s.URL, body)
	}
}

func checkAssertion(t *testing.T, issuer, body string) {
	t.Helper()
	form, err := url.ParseQuery(body)
	parts := strings.Split(form.Get("client_assertion"), ".")
	if err != nil || len(parts) != 3 || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Has("client_secret") {
		t.Fatalf("got the form %v, %v", form, err)
	}
	var header struct{ Alg string }
	var claims struct {
		Iss, Sub, Aud, Jti string
		Iat, Exp           int64
	}
	var decoded [3][]byte
	for i, part := range parts {
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			t.Fatal(err)
		}
	}
	if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &claims) != nil || header.Alg != "RS256" || len(decoded[2]) != 256 {
		t.Errorf("got %s and a signature of %d bytes", decoded[0], len(decoded[2]))
	}
	if id := form.Get("client_id"); claims.Iss != id || claims.Sub != id || claims.Aud != issuer || claims.Jti == "" || claims.Exp <= time.Now().Unix() {
		t.Errorf("%s says %s", id, decoded[1])
	}
}

// TestCA47NoAssertion checks that an assertion is sent only if the metadata lists private_key_jwt.
func TestCA47NoAssertion(t *testing.T) {
	for list, want := range map[string]bool{`"client_secret_post"]`: false, `"client_secret_post","client_secret_jwt"]`: false, `"private_key_jwt"]`: true} {
		s := newServer(t, func(s *server) { s.replace(`"client_secret_post"]`, list) })
		examine(t, doctor.Config{URL: s.URL})
		sent := slices.ContainsFunc(s.requests, func(r string) bool {
			return strings.HasPrefix(r, http.MethodPost) && strings.Contains(r, "client_assertion=")
		})
		if sent != want {
			t.Errorf("%s: an assertion was sent: %v", list, sent)
		}
	}
}
