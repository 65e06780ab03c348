package wellknown

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"

	"oauthgw/clientauth"
)

// Metadata is an authorization server's metadata (RFC 8414 section 2). Every
// member stays as the provider wrote it unless the gateway makes it untrue.
type Metadata map[string]json.RawMessage

// ParseMetadata reads a metadata document: one JSON object that names an
// issuer. A member that comes twice is refused, because readers differ in
// which one they take.
func ParseMetadata(document []byte) (Metadata, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%w: it is not a JSON object", errNoDocument)
	}
	md := Metadata{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("the document is not JSON: %w", err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("the document is not JSON: %w", err)
		}
		if _, repeated := md[name.(string)]; repeated {
			return nil, errors.New("the document holds a member twice")
		}
		md[name.(string)] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("the document is not JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	if md.Issuer() == "" {
		return nil, errors.New("the document names no issuer")
	}
	return md, nil
}

// Issuer returns the issuer, byte for byte as the provider wrote it. It is
// empty if there is none.
func (md Metadata) Issuer() string { return md.text("issuer") }

// Endpoint returns the URL of an endpoint, or nil if the document names none
// that is an absolute http or https URL.
func (md Metadata) Endpoint(name clientauth.Endpoint) *url.URL {
	u, err := url.Parse(md.text(string(name) + "_endpoint"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	return u
}

func (md Metadata) text(member string) string {
	var s string
	if json.Unmarshal(md[member], &s) != nil {
		return ""
	}
	return s
}

// Augment returns the metadata with what the gateway makes true at the fronted
// endpoints: both methods that present a client secret. Fronted reports
// whether an endpoint's URL leads through the gateway; of the others the
// document says what it said before. Metadata itself is left alone.
func (md Metadata) Augment(fronted func(clientauth.Endpoint, *url.URL) bool) Metadata {
	augmented := maps.Clone(md)
	for _, name := range clientauth.Endpoints() {
		u := md.Endpoint(name)
		member := methodsMember(name)
		if u == nil || member == "" || !fronted(name, u) {
			continue
		}
		if list, ok := md.methods(name); ok {
			augmented[member] = list
			// RFC 8414 section 2.1: signed values would take precedence over the
			// plain ones and contradict them.
			delete(augmented, "signed_metadata")
		}
	}
	return augmented
}

// methodsMember returns the member that lists an endpoint's client
// authentication methods. The endpoints of RFC 9126, RFC 8628 and OpenID CIBA
// have none of their own: they share the token endpoint's.
func methodsMember(name clientauth.Endpoint) string {
	switch name {
	case clientauth.Token, clientauth.Revocation, clientauth.Introspection:
		return string(name) + "_endpoint_auth_methods_supported"
	}
	return ""
}

// methods returns the list of an endpoint's methods, completed. It reports
// false where the list is to stay as it is.
//
// An absent list means client_secret_basic alone at the token and the
// revocation endpoint, which hides that the provider takes the form; it
// becomes explicit. At the introspection endpoint an absent list means that
// nothing is said (RFC 8414 section 2), and nothing is.
func (md Metadata) methods(name clientauth.Endpoint) (json.RawMessage, bool) {
	var list []json.RawMessage
	value, present := md[methodsMember(name)]
	if present && json.Unmarshal(value, &list) != nil || !present && name == clientauth.Introspection {
		return nil, false
	}
	for _, method := range []clientauth.Method{clientauth.Post, clientauth.Basic} {
		quoted, _ := json.Marshal(method) // a plain string always encodes
		if !slices.ContainsFunc(list, func(m json.RawMessage) bool { return bytes.Equal(m, quoted) }) {
			list = append(list, quoted)
		}
	}
	return encode(list), true
}

// Encode returns the document as JSON text.
func (md Metadata) Encode() []byte { return encode(map[string]json.RawMessage(md)) }

// encode writes JSON whose strings stay as they were: the default would escape
// the ampersands of URLs.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// Values that were parsed from JSON, and strings, always encode.
	_ = e.Encode(v)
	return bytes.TrimSpace(b.Bytes())
}
