package proxy

import (
	"bytes"
	"cmp"
	"errors"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/repair"
)

// The members that the gateway reads or writes (RFC 7591 sections 2, 3.2.1; RFC 7592 section 3).
const (
	memberMethod        = "token_endpoint_auth_method"
	memberScope         = "scope"
	memberClientID      = "client_id"
	memberSecret        = "client_secret"
	memberIssued        = "client_id_issued_at"
	memberSecretExpires = "client_secret_expires_at"
	memberAccessToken   = "registration_access_token"
	memberClientURI     = "registration_client_uri"
	memberRedirects     = "redirect_uris"
)

// serverOnly are the members that only the provider sets: in a registration (RFC 7591 section
// 3.2.1), and in an update, which may hold ID and secret (RFC 7592 section 2.2).
var serverOnly = map[string][]string{
	http.MethodPost: {memberClientID, memberSecret, memberIssued, memberSecretExpires, memberAccessToken, memberClientURI},
	http.MethodPut:  {memberIssued, memberSecretExpires, memberAccessToken, memberClientURI},
}

// rewriteRegistration returns the client metadata for the provider, without members that only
// the provider sets, and the method that the client asked for. It reads JSON under any media
// type, because some providers ignore the type, and forwards a form or a JWT.
func (x *exchange) rewriteRegistration(body []byte) (clientauth.Method, []byte, error) {
	r := x.r
	if err := checkEncoding(r.Header, body); err != nil {
		return "", nil, err
	}
	metadata, err := jsonobject.Parse(body)
	switch {
	case err != nil && (HasJSON(r) || !errors.Is(err, jsonobject.ErrNotObject)):
		return "", nil, errClientMetadata
	case err != nil:
		return clientauth.Other, body, checkUnread(r, body)
	}
	isServerOnly := func(m jsonobject.Member) bool {
		return slices.ContainsFunc(serverOnly[r.Method], func(name string) bool { return isSpelling(m.Name, name) })
	}
	if slices.ContainsFunc(metadata.Members(), isServerOnly) {
		metadata = metadata.Without(isServerOnly)
		body = metadata.Encode()
	}
	if err := checkNames(metadata); err != nil {
		return "", nil, err
	}
	if repaired, changed := x.repairScope(metadata); changed {
		metadata, body = repaired, repaired.Encode()
	}
	x.redirectURIs = metadata.Get(memberRedirects)
	if r.Method == http.MethodPost {
		x.registered = x.Clients.Register(x.redirectURIs, metadata.Get("grant_types"))
	}
	asked := askedMethod(metadata)
	if presentsSecret(asked) && x.registersAs != "" && x.registersAs != asked {
		body = metadata.With(memberMethod, x.registersAs).Encode()
	}
	return asked, body, nil
}

// askedMethod returns the method that is asked for, by default Basic (RFC 7591 section 2).
func askedMethod(metadata jsonobject.Object) clientauth.Method {
	switch method := metadata.Text(memberMethod); {
	case repair.IsEmpty(metadata.Get(memberMethod)):
		return clientauth.Basic
	case presentsSecret(clientauth.Method(method)), method == string(clientauth.None):
		return clientauth.Method(method)
	case strings.HasSuffix(method, "_jwt"):
		return clientauth.Assertion
	}
	return clientauth.Other
}

func presentsSecret(m clientauth.Method) bool { return m == clientauth.Basic || m == clientauth.Post }

// repairScope returns the client metadata with the scope that requests will have. A provider
// rejects a scope that is not registered, and may register all scopes for a client that names none.
func (x *exchange) repairScope(metadata jsonobject.Object) (_ jsonobject.Object, changed bool) {
	sent := metadata.Text(memberScope)
	scope := x.Requests.Scope.Repair(sent)
	if scope == sent {
		return metadata, false
	}
	x.repaired(repair.Scope)
	if scope = cmp.Or(scope, x.Requests.Scope.Default); scope == "" {
		return metadata.Without(func(m jsonobject.Member) bool { return m.Name == memberScope }), true
	}
	return metadata.With(memberScope, scope), true
}

// HasJSON reports whether a request declares that its body is JSON.
func HasJSON(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && isJSONType(mediaType)
}

// checkEncoding refuses a registration that another reader could decode as other characters. JSON
// must have no byte order mark (RFC 8259 section 8.1). ASCII in UTF-16 is UTF-8 with NULs.
func checkEncoding(h http.Header, body []byte) error {
	value := strings.Join(h["Content-Type"], ",")
	_, parameters, err := mime.ParseMediaType(value)
	charset, hasCharset := parameters["charset"]
	switch {
	case len(h["Content-Type"]) > 1, err != nil && strings.TrimSpace(value) != "":
		return errMediaType
	case hasCharset && !isUTF8(charset), !utf8.Valid(body), bytes.HasPrefix(body, []byte("\ufeff")), bytes.IndexByte(body, 0) >= 0:
		return errMetadataEncoding
	}
	return nil
}

var jwtLike = regexp.MustCompile(`^[A-Za-z0-9._-]+$`) // RFC 7515 section 7.1

// checkUnread refuses a body that is not a JSON object, unless it is empty, or a form or a JWT
// as its media type says: some readers ignore the type, and accept a comment, a form feed or
// an array around JSON. Some servers read a method override from any form.
func checkUnread(r *http.Request, body []byte) error {
	kind, err := kindOf(r.Header)
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	ofJWT := mediaType == "application/jwt" || strings.HasSuffix(mediaType, "+jwt")
	switch {
	case err != nil:
		return err
	case len(body) == 0, ofJWT && jwtLike.Match(body):
		return nil
	case kind == bodyForm && formLike.Match(body):
		return clientauth.CheckNames(string(body))
	}
	return errClientMetadata
}

// checkNames refuses client metadata in which some reader finds another member than the
// gateway, or two in place of one. Go's encoding/json and others ignore case, as Unicode
// folds it; C strings end at a NUL. Registered names are ASCII.
func checkNames(metadata jsonobject.Object) error {
	seen := map[string]bool{}
	for _, m := range metadata.Members() {
		lower := strings.ToLower(m.Name)
		odd := strings.ContainsFunc(m.Name, func(c rune) bool { return c < ' ' || c > '~' })
		if odd || seen[lower] || m.Name != memberMethod && isSpelling(m.Name, memberMethod) {
			return errMetadataNames
		}
		seen[lower] = true
	}
	return nil
}

// isSpelling reports whether some reader takes a name for that of a member: some ignore
// case, space or punctuation, and some spell it tokenEndpointAuthMethod.
func isSpelling(name, member string) bool {
	letters := func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return c
		}
		return -1
	}
	return strings.EqualFold(strings.Map(letters, name), strings.Map(letters, member))
}
