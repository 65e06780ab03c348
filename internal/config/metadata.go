package config

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthgw/internal/origin"
	"oauthgw/wellknown"

	"github.com/rs/cors"
)

// issuerMode reads metadata.issuer. To move the issuer it must be known where.
func (m *validator) issuerMode(c Config) wellknown.IssuerMode {
	mode := oneOf(m, "metadata.issuer", c.Metadata.Issuer, wellknown.IssuerPreserve, wellknown.IssuerRewrite)
	if mode == wellknown.IssuerRewrite && c.PublicURL == "" {
		m.addf("metadata.issuer", "rewrite needs public_url: the origin that the issuer becomes")
	}
	return mode
}

// issuer reads an issuer identifier, which is compared byte for byte and so is
// left as it is (RFC 8414 sections 2 and 3.3).
func (m *validator) issuer(key, value string) string {
	if u, err := url.Parse(value); value != "" && (err != nil || origin.Of(value) == nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		m.addf(key, "must be the issuer as the provider's metadata writes it: an http or https URL without user, query or fragment")
	}
	return value
}

// patch reads values that YAML wrote as the JSON that metadata is.
func (m *validator) patch(c PatchConfig) wellknown.Patch {
	p := wellknown.Patch{Remove: c.Remove, Set: map[string]json.RawMessage{}, Add: map[string][]json.RawMessage{}}
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		p.Set[name] = m.json("metadata.patch.set."+name, c.Set[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Add)) {
		for _, e := range c.Add[name] {
			p.Add[name] = append(p.Add[name], m.json("metadata.patch.add."+name, e))
		}
	}
	if err := p.Check(); err != nil {
		for text := range strings.SplitSeq(err.Error(), "\n") {
			m.addf("metadata.patch", "%s", text)
		}
	}
	return p
}

func (m *validator) json(key string, value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		m.addf(key, "must be a value that JSON has")
	}
	return text
}

// cors returns what lets pages of other origins read answers. Each origin is
// named in full: a pattern, or null, would let in whoever fits it.
func (m *validator) cors(allowed []string) *cors.Cors {
	if len(allowed) == 0 {
		return nil
	}
	for _, text := range allowed {
		u := origin.Of(text)
		sent := ""
		if u != nil && strings.EqualFold(u.String(), text) && !strings.Contains(text, "*") && origin.IsConfidential(u) {
			sent = origin.Serialize(u)
		}
		switch sent {
		case text:
		case "":
			m.addf("cors.allowed_origins", "each must be an origin in full, https or loopback, such as https://app.example.com; %s is not one", text)
		default:
			m.addf("cors.allowed_origins", "browsers send %s for %s, so the two never match; write %s", sent, text, sent)
		}
	}
	return cors.New(cors.Options{
		AllowedOrigins: allowed,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders: []string{"Authorization", "Content-Type", "DPoP", "MCP-Protocol-Version"},
		// A page that is refused must learn how to authenticate.
		ExposedHeaders: []string{"WWW-Authenticate", "DPoP-Nonce", "Retry-After", "X-Request-Id"},
		MaxAge:         600,
	})
}
