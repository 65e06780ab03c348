package legacy_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"oauthgw/internal/legacy"
)

const missingClientID = "Missing client_id parameter"

// The refusals of an exchange that differs from a good one in its form.
func TestRefusedForms(t *testing.T) {
	other := "coder_0123456789_0123456789012345678901234567890123456789"
	tests := map[string]struct {
		changes           url.Values
		status            int
		code, description string
	}{
		"client_id missing":       {url.Values{"client_id": nil}, 400, "invalid_request", missingClientID},
		"client_id empty":         {url.Values{"client_id": {""}}, 400, "invalid_request", missingClientID},
		"client_id not a UUID":    {url.Values{"client_id": {"me"}}, 401, "invalid_client", "The client credentials are invalid"},
		"client_id unknown":       {url.Values{"client_id": {"16fd2706-8baf-433b-82eb-8c7fada847da"}}, 401, "invalid_client", "The client credentials are invalid"},
		"client_secret wrong":     {url.Values{"client_secret": {other}}, 401, "invalid_client", "The client credentials are invalid"},
		"grant_type missing":      {url.Values{"grant_type": nil}, 400, "unsupported_grant_type", ""},
		"grant_type empty":        {url.Values{"grant_type": {""}}, 400, "unsupported_grant_type", ""},
		"grant_type unknown":      {url.Values{"grant_type": {"client_credentials"}}, 400, "unsupported_grant_type", ""},
		"grant_type repeated":     {url.Values{"grant_type": {"authorization_code", "authorization_code"}}, 400, "unsupported_grant_type", ""},
		"code missing":            {url.Values{"code": nil}, 400, "invalid_request", "Missing required parameter: code"},
		"client_secret missing":   {url.Values{"client_secret": nil}, 400, "invalid_request", "Missing required parameter: client_secret"},
		"client_secret empty":     {url.Values{"client_secret": {""}}, 400, "invalid_request", "Missing required parameter: client_secret"},
		"client_secret repeated":  {url.Values{"client_secret": {other, other}}, 400, "invalid_request", ""},
		"redirect_uri repeated":   {url.Values{"redirect_uri": {redirectURI, redirectURI}}, 400, "invalid_request", ""},
		"redirect_uri differs":    {url.Values{"redirect_uri": {redirectURI + "/"}}, 400, "invalid_request", ""},
		"unknown parameter":       {url.Values{"foo": {"bar"}}, 400, "invalid_request", ""},
		"code unknown":            {url.Values{"code": {other}}, 400, "invalid_grant", ""},
		"code_verifier wrong":     {url.Values{"code_verifier": {challenge}}, 400, "invalid_grant", ""},
		"code_verifier missing":   {url.Values{"code_verifier": nil}, 400, "invalid_grant", ""},
		"resource not asked for":  {url.Values{"resource": {publicURL + "/mcp"}}, 400, "invalid_target", ""},
		"resource is not a URI":   {url.Values{"resource": {"mcp"}}, 400, "invalid_request", ""},
		"resource has a fragment": {url.Values{"resource": {publicURL + "/mcp#a"}}, 400, "invalid_request", ""},
		"resource is too long":    {url.Values{"resource": {publicURL + "/" + strings.Repeat("a", 2048)}}, 400, "invalid_request", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, legacy.Config{})
			c := p.register(t)
			a := p.post(t, "/oauth2/tokens", p.exchange(t, c, test.changes))
			wantRefusal(t, a, test.status, test.code, test.description)
		})
	}
}

// The refusals of requests that are not a form, or not one that parses.
func TestRefusedRequests(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	tests := map[string]struct {
		query, contentType, body string // %ID and %FORM are filled in
		code, description        string
	}{
		"Basic only":                  {"", form, "grant_type=authorization_code&code=x", "invalid_request", missingClientID},
		"JSON body":                   {"", "application/json", `{"client_id":"%ID"}`, "invalid_request", missingClientID},
		"no media type":               {"", "", "%FORM", "invalid_request", missingClientID},
		"unparsable form":             {"", form, "%FORM&a=%zz", "invalid_request", missingClientID},
		"semicolon":                   {"", form, "%FORM&a=b;c=d", "invalid_request", missingClientID},
		"too large a form":            {"", form, "%FORM&scope=" + strings.Repeat("a", 1<<20), "invalid_request", missingClientID},
		"no body":                     {"", "", "", "invalid_request", missingClientID},
		"unparsable form, id in URI":  {"client_id=%ID", form, "%FORM&a=%zz", "invalid_request", ""},
		"client_id in both places":    {"client_id=%ID", form, "%FORM", "invalid_request", "Missing required parameter: client_id"},
		"redirect_uri in both places": {"redirect_uri=https%3A%2F%2Fclient.example%2Fcallback", form, "%FORM", "invalid_request", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, legacy.Config{})
			c := p.register(t)
			fill := strings.NewReplacer("%ID", c.ID, "%FORM", p.exchange(t, c, nil).Encode())
			a := p.do(t, http.MethodPost, "/oauth2/tokens?"+fill.Replace(test.query), fill.Replace(test.body),
				"Content-Type", test.contentType, "Authorization", "Basic "+c.ID)
			wantRefusal(t, a, http.StatusBadRequest, test.code, test.description)
		})
	}
}
