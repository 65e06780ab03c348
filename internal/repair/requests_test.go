package repair_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/repair"
)

// example has every repair of requests.
var example = repair.Requests{
	Remove:      []string{"resource", "prompt"},
	SetIfAbsent: map[string]string{"prompt": "login", "audience": "https://api.example.com/?a=b c"},
	Scope:       repair.Scopes{Remove: []string{"offline_access"}, Rename: map[string]string{"mcp:read": "read", "a": "b"}, Default: "read"},
}

// TestQ01Q02Q04Q05Q06Q08Authorization checks the query of requests to the authorization
// endpoint, byte for byte.
func TestQ01Q02Q04Q05Q06Q08Authorization(t *testing.T) {
	const added = "&audience=https%3A%2F%2Fapi.example.com%2F%3Fa%3Db+c&prompt=login"
	const all = "requests.remove,requests.scope,requests.set_if_absent"
	for query, want := range map[string]struct{ query, repairs string }{
		// Removed parameters, and the bytes of others.
		"client_id=a&resource=a&resource=b&re%73ource&scope=x&=&&%63ode=%7e+": {"client_id=a&scope=x&=&&%63ode=%7e+" + added, "requests.remove,requests.set_if_absent"},
		"Resource=a&resource%20=b&resources=c":                                {"Resource=a&resource%20=b&resources=c", ""},
		// Parameters that are set.
		"client_id=a&scope=x&audience=y&prompt=none": {"client_id=a&scope=x&audience=y&prompt=login", "requests.remove,requests.set_if_absent"},
		"client_id=a&audience=&scope=x":              {"client_id=a&scope=x" + added, "requests.set_if_absent"},
		"client_id=a&audience=&scope=x&audience=y":   {"client_id=a&audience=&scope=x&audience=y&prompt=login", "requests.set_if_absent"},
		// Scopes.
		"client_id=a&scope=mcp:read+write+read&audience=y":     {"client_id=a&scope=read+write&audience=y&prompt=login", "requests.scope,requests.set_if_absent"},
		"scope=mcp%3Aread%20%20offline_access":                 {"scope=read", "requests.scope"},
		"scope=write++write&x=y":                               {"scope=write++write&x=y", ""},
		"scope=mcp:reader+a,b+offline_accesses+Offline_Access": {"scope=mcp:reader+a,b+offline_accesses+Offline_Access", ""},
		"scope=a+mcp:read+c":                                   {"scope=b+read+c", "requests.scope"},
		// The default.
		"client_id=a&scope=offline_access&state=s": {"client_id=a&scope=read&state=s" + added, "requests.scope,requests.set_if_absent"},
		"client_id=a&scope=&state=s":               {"client_id=a&scope=read&state=s" + added, "requests.scope,requests.set_if_absent"},
		"client_id=a&scope=+&state=s":              {"client_id=a&scope=read&state=s" + added, "requests.scope,requests.set_if_absent"},
		"resource=a&client_id=a":                   {"client_id=a&scope=read" + added, all},
		"client_id=a&scope=mcp:read&scope=write":   {"client_id=a&scope=mcp:read&scope=write" + added, "requests.set_if_absent"},
		// Requests of no client, and those of the provider's own pages, gain nothing.
		"":                                {"", ""},
		"resource=a":                      {"", "requests.remove"},
		"client_id=&scope=offline_access": {"client_id=", "requests.scope"},
		// A request object.
		"client_id=a&resource=b&request=e30.e30.":     {"client_id=a&resource=b&request=e30.e30.", ""},
		"client_id=a&resource=b&re%71uest_uri=urn:x":  {"client_id=a&resource=b&re%71uest_uri=urn:x", ""},
		"client_id=a&resource=b&request=&scope=write": {"client_id=a&request=&scope=write" + added, "requests.remove,requests.set_if_absent"},
		// What cannot be parsed.
		"client_id=a&resource=b&state=%zz":                  {"client_id=a&resource=b&state=%zz", ""},
		"client_id=a&resource=b" + strings.Repeat("&", 256): {"client_id=a&resource=b" + strings.Repeat("&", 256), ""},
	} {
		q, f, applied := example.Apply(clientauth.Authorization, query, "", false)
		if repairs := strings.Join(applied, ","); q != want.query || f != "" || repairs != want.repairs {
			t.Errorf("%s:\n got %s (%s) %s\nwant %s (%s)", query, q, repairs, f, want.query, want.repairs)
		}
	}
}

// TestQ03AuthorizationForm checks a request to the authorization endpoint with a form. What the
// gateway adds is where the client_id is, and only if that is an authorization request.
func TestQ03AuthorizationForm(t *testing.T) {
	const added = "&scope=read&audience=https%3A%2F%2Fapi.example.com%2F%3Fa%3Db+c&prompt=login"
	for sent, want := range map[[2]string][2]string{
		{"resource=a", "client_id=a&response_type=code&resource=%62&x=%7e"}: {"", "client_id=a&response_type=code&x=%7e" + added},
		{"client_id=a&response_type=code", "x=y"}:                           {"client_id=a&response_type=code" + added, "x=y"},
		{"scope=mcp:read&x=%7e", "client_id=a&response_type=code"}:          {"scope=read&x=%7e", "client_id=a&response_type=code" + strings.TrimPrefix(added, "&scope=read")},
		{"", "client_id=a&consent=yes&scope=offline_access"}:                {"", "client_id=a&consent=yes"},
		{"resource=a", "request=e30"}:                                       {"resource=a", "request=e30"},
		{"resource=a", "x=%"}:                                               {"resource=a", "x=%"},
	} {
		if q, f, _ := example.Apply(clientauth.Authorization, sent[0], sent[1], true); q != want[0] || f != want[1] {
			t.Errorf("%q: got %q and %q, want %q", sent, q, f, want)
		}
	}
}

// TestQ06Q07Q08Q09Q10Q11Q12Forms checks which repairs an endpoint and a grant get.
func TestQ06Q07Q08Q09Q10Q11Q12Forms(t *testing.T) {
	const added = "&audience=https%3A%2F%2Fapi.example.com%2F%3Fa%3Db+c&prompt=login"
	for _, test := range []struct {
		endpoint           clientauth.Endpoint
		form, want, repair string
	}{
		{clientauth.Token, "grant_type=authorization_code&resource=a&scope=offline_access", "grant_type=authorization_code&scope=offline_access", "requests.remove"},
		{clientauth.Token, "grant_type=refresh_token&scope=mcp%3Aread&resource=a", "grant_type=refresh_token&scope=read", "requests.remove,requests.scope"},
		{clientauth.Token, "grant_type=refresh_token&scope=offline_access", "grant_type=refresh_token", "requests.scope"},
		{clientauth.Token, "grant_type=refresh_token", "grant_type=refresh_token", ""},
		{clientauth.Token, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code", ""},
		{clientauth.Token, "grant_type=client_credentials&client_id=b&resource=a", "grant_type=client_credentials&client_id=b&scope=read" + added, "requests.remove,requests.scope,requests.set_if_absent"},
		{clientauth.Token, "grant_type=password", "grant_type=password&scope=read" + added, "requests.scope,requests.set_if_absent"},
		{clientauth.Token, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&scope=write", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&scope=write" + added, "requests.set_if_absent"},
		{clientauth.Token, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=b", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=b&scope=read&prompt=login", "requests.scope,requests.set_if_absent"},
		{clientauth.PushedAuthorizationRequest, "resource=a&scope=mcp%3Aread", "scope=read" + added, "requests.remove,requests.scope,requests.set_if_absent"},
		{clientauth.PushedAuthorizationRequest, "resource=a&request=e30", "resource=a&request=e30", ""},
		{clientauth.DeviceAuthorization, "scope=offline_access", "scope=read" + added, "requests.scope,requests.set_if_absent"},
		{clientauth.BackchannelAuthentication, "scope=mcp%3Aread", "scope=read" + added, "requests.scope,requests.set_if_absent"},
		{clientauth.BackchannelAuthentication, "resource=a&request=e30", "resource=a&request=e30", ""},
		{clientauth.Revocation, "token=a&resource=b", "token=a&resource=b", ""},
		{clientauth.Introspection, "token=a&resource=b", "token=a&resource=b", ""},
	} {
		_, got, applied := example.Apply(test.endpoint, "", test.form, true)
		if got != test.want || strings.Join(applied, ",") != test.repair {
			t.Errorf("%s %s:\n got %s (%s)\nwant %s (%s)", test.endpoint, test.form, got, applied, test.want, test.repair)
		}
	}
}

// TestParametersInBothPlaces checks that a parameter of the query counts as present, and that
// the grant is found there.
func TestParametersInBothPlaces(t *testing.T) {
	const query, form = "grant_type=client_credentials&audience=a&resource=b&scope=a", "resource=c&x=y"
	if q, f, _ := example.Apply(clientauth.Token, query, form, true); q != "grant_type=client_credentials&audience=a&scope=b" || f != "x=y&prompt=login" {
		t.Errorf("got %s and %s", q, f)
	}
}

// TestQ15ScopeOfRegistration checks the scope of client metadata.
func TestQ15ScopeOfRegistration(t *testing.T) {
	for scope, want := range map[string]string{"mcp:read offline_access x": "read x", "offline_access": "", "": "", "x  y": "x  y"} {
		if got := example.Scope.Repair(scope); got != want {
			t.Errorf("%q: got %q", scope, got)
		}
	}
}

// TestZeroChangesNothing checks that a request stays byte for byte without repairs.
func TestAddedScopes(t *testing.T) {
	s := repair.Scopes{Remove: []string{"x"}, Rename: map[string]string{"a": "read", "b": "c"}, Default: "read write"}
	if got := s.Added(); !slices.Equal(got, []string{"c", "read", "write"}) {
		t.Errorf("got %q", got)
	}
}

func TestZeroChangesNothing(t *testing.T) {
	var none repair.Requests
	const query, form = "scope=+&resource=a", "grant_type=client_credentials&&resource=a"
	if q, f, applied := none.Apply(clientauth.Token, query, form, true); !none.IsZero() || q != query || f != form || applied != nil {
		t.Errorf("got %s and %s (%s)", q, f, applied)
	}
}

// FuzzRequests checks that the parameters that no repair names stay byte for byte and in
// their order, that no removed parameter is left, and that repairing a request again changes
// nothing.
func FuzzRequests(f *testing.F) {
	removing := repair.Requests{Remove: []string{"resource"}, SetIfAbsent: map[string]string{"audience": "x y"},
		Scope: repair.Scopes{Remove: []string{"offline_access"}, Rename: map[string]string{"mcp:read": "read"}, Default: "read"}}
	f.Add("client_id=a&re%73ource=b&scope=offline_access&&=&audience", "", false)
	f.Add("state=%7e", "client_id=a&response_type=code&scope=mcp:read+write&resource=+", true)
	f.Add("request=&resource", "x=%", true)
	f.Fuzz(func(t *testing.T, query, form string, hasForm bool) {
		if !hasForm {
			form = ""
		}
		q, b, applied := removing.Apply(clientauth.Authorization, query, form, hasForm)
		if applied == nil {
			if q != query || b != form {
				t.Fatalf("%q %q became %q %q without a repair", query, form, q, b)
			}
			return
		}
		for _, pair := range [][2]string{{query, q}, {form, b}} {
			if before, after := others(pair[0]), others(pair[1]); !slices.Equal(before, after) {
				t.Fatalf("%q became %q", before, after)
			}
			for piece := range strings.SplitSeq(pair[1], "&") {
				if nameOf(piece) == "resource" {
					t.Fatalf("%q is left of %q", piece, pair[0])
				}
			}
		}
		if q2, b2, again := removing.Apply(clientauth.Authorization, q, b, hasForm); q2 != q || b2 != b || again != nil {
			t.Fatalf("%q %q became %q %q, and that %q %q", query, form, q, b, q2, b2)
		}
	})
}

// others returns the pieces of a query or form with parameters that no repair of
// [FuzzRequests] names.
func others(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "&"), func(piece string) bool {
		return piece == "" || slices.Contains([]string{"resource", "audience", "scope"}, nameOf(piece))
	})
}

func nameOf(piece string) string {
	name, _, _ := strings.Cut(piece, "=")
	decoded, _ := url.QueryUnescape(name)
	return decoded
}
