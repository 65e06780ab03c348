package config

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"oauthgw/clientauth"
	"oauthgw/internal/repair"
)

// The parameters that must not repeat, and those that must reach the provider as the client sent
// them: otherwise a request fails, or authorizes something else.
var (
	uniqueParameters = strings.Fields(`client_id client_secret client_assertion client_assertion_type
		code grant_type redirect_uri code_verifier code_challenge code_challenge_method refresh_token`)
	protectedParameters = append(slices.Clone(uniqueParameters), strings.Fields(`response_type state nonce request request_uri
		authorization_details claims response_mode username password assertion subject_token subject_token_type
		actor_token actor_token_type device_code auth_req_id ticket token dpop_jkt id_token_hint`)...)
)

var parameterName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`) // RFC 6749 section 8.2

const asSent = "must reach the provider once and as the client sent it"

func (v *validator) repeatable(names []string) []string {
	for _, name := range names {
		v.parameter("client_auth.repeatable", name, uniqueParameters, asSent)
	}
	return names
}

// parameter checks the name of a parameter, which must not be or resemble one of others.
func (v *validator) parameter(key, name string, others []string, why string) bool {
	i := slices.IndexFunc(others, func(other string) bool { return clientauth.IsSpelling(name, other) })
	switch {
	case !parameterName.MatchString(name):
		v.addf(key, "%q is not the name of a parameter; use at most 64 letters, digits, -, . and _", name)
	case i >= 0:
		v.addf(key, "%s cannot be listed here: %s %s", name, others[i], why)
	default:
		return true
	}
	return false
}

func (v *validator) repaired(key, name string) bool {
	return v.parameter(key, name, []string{"scope"}, "has keys of its own in repair.requests.scope") && v.parameter(key, name, protectedParameters, asSent)
}

func (v *validator) repairRequests(r repair.Requests) {
	const key = "repair.requests."
	for _, name := range r.Remove {
		v.repaired(key+"remove", name)
	}
	for name, value := range r.SetIfAbsent {
		if at := key + "set_if_absent." + name; v.repaired(at, name) {
			form, err := clientauth.ParseForm(name + "=" + url.QueryEscape(value))
			v.require(err == nil && form.CheckFormat(nil) == nil, at, "cannot be sent: some servers read it as an HTTP method or as a response format, or the value is longer than 16 KiB")
			v.require(value != "" && !strings.ContainsFunc(value, unicode.IsControl), at, "must not be empty or hold control characters")
		}
	}
	v.scopes(key+"scope.remove", r.Scope.Remove...)
	for scope, to := range r.Scope.Rename {
		v.scopes(key+"scope.rename."+scope, scope, to)
	}
	if r.Scope.Default != "" {
		v.scopes(key+"scope.default", strings.Split(r.Scope.Default, " ")...)
	}
	changes := func(scope string) bool { return r.Scope.Repair(scope) != scope }
	v.require(!slices.ContainsFunc(r.Scope.Added(), changes), key+"scope", "must not remove or rename a scope that rename or default sets: a login page may lead back to the repaired request, which is then repaired again")
}

// keptErrors are the errors that invalid_grant must not replace. They say that the client or the
// provider is at fault, or that the client must wait, and the refresh token may still be valid.
var keptErrors = []string{clientauth.CodeInvalidClient, clientauth.CodeServerError, clientauth.CodeTemporarilyUnavailable, "slow_down"}

var tokenType = regexp.MustCompile(`^[A-Za-z0-9._-]*$`) // RFC 6749 section A.13

func (v *validator) repairReplies(r repair.Replies) {
	v.require(tokenType.MatchString(r.TokenType), "repair.replies.token_type", "must be one word of letters, digits, -, . and _, such as Bearer")
	for i, e := range r.InvalidGrant {
		key := position("repair.replies.invalid_grant", i)
		isKept := slices.ContainsFunc(keptErrors, func(code string) bool { return strings.EqualFold(code, e.Error) })
		v.require(e.Status >= 400 && e.Status <= 499 && e.Status != http.StatusTooManyRequests, key+".status", "must be from 400 to 499 and not 429; any other says nothing about the refresh token")
		v.require(e.Error != "", key+".error", "must be the error that the provider sends, as in {status: 400, error: bad_refresh_token}")
		v.require(!isKept, key+".error", "must not replace "+strings.ToLower(e.Error)+", after which the refresh token may still be valid")
	}
}

func (v *validator) scopes(key string, scopes ...string) {
	for _, scope := range scopes {
		if !repair.IsScope(scope) {
			v.addf(key, "%q is not one scope; use printable ASCII characters without spaces, quotation marks and backslashes (RFC 6749 section 3.3)", scope)
		}
	}
}
