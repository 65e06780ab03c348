package legacy_test

import (
	"net/http"
	"slices"
	"testing"

	"oauthgw/internal/legacy"
)

// What arrives is observed before it is judged, by name and in order.
func TestObservation(t *testing.T) {
	p := start(t, legacy.Config{})
	p.do(t, http.MethodPost, "/oauth2/tokens/?resource=a&b%5B%5D=c", "grant_type=d&coder_secret&&%zz=e&client_id=",
		"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8", "Authorization", "Basic eDp5")
	p.do(t, http.MethodPost, "/oauth2/revoke", "token=x", "Content-Type", "text/plain")
	p.do(t, http.MethodDelete, "/oauth2/tokens", "")
	p.do(t, http.MethodPost, "/oauth2/register", "{}")
	want := []legacy.Observation{
		{Path: "/oauth2/tokens/", Authorization: true, Parameters: []string{"resource", "b[]", "grant_type", "", "", "client_id"}},
		{Path: "/oauth2/revoke", Authorization: false, Parameters: []string{}},
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.EqualFunc(p.observed, want, func(a, b legacy.Observation) bool {
		return a.Path == b.Path && a.Authorization == b.Authorization &&
			slices.Equal(a.Parameters, b.Parameters) && a.Parameters != nil
	}) {
		t.Errorf("got %+v, want %+v", p.observed, want)
	}
}
