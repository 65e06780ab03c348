package config

import (
	"encoding/json"
	"net/http"
	"net/url"
	"oauthgw/internal/origin"
	"oauthgw/wellknown"
	"strings"

	"github.com/rs/cors"
)

// issuerMode reads metadata.issuer. To rewrite the issuer takes an origin.
func (v *validator) issuerMode(c Config) wellknown.IssuerMode {
	mode := oneOf(v, "metadata.issuer", c.Metadata.Issuer, wellknown.IssuerPreserve, wellknown.IssuerRewrite)
	v.require(mode != wellknown.IssuerRewrite || c.PublicURL != "", "metadata.issuer", "rewrite needs public_url: the origin that the issuer becomes")
	return mode
}

// issuer checks an issuer identifier. It is compared byte for byte, so it is not normalized
// (RFC 8414 sections 2 and 3.3).
func (v *validator) issuer(key, value string) string {
	u, err := url.Parse(value)
	v.require(value == "" || err == nil && origin.Of(value) != nil && u.RawQuery == "" && u.Fragment == "" && u.User == nil,
		key, "must be the issuer as the provider's metadata writes it: an http or https URL without user, query or fragment")
	return value
}

// patch converts YAML values to JSON.
func (v *validator) patch(c PatchConfig) wellknown.Patch {
	p := wellknown.Patch{Remove: c.Remove, Set: map[string]json.RawMessage{}, Add: map[string][]json.RawMessage{}}
	for name, value := range c.Set {
		p.Set[name] = v.json("metadata.patch.set."+name, value)
	}
	for name, values := range c.Add {
		for _, value := range values {
			p.Add[name] = append(p.Add[name], v.json("metadata.patch.add."+name, value))
		}
	}
	if err := p.Check(); err != nil {
		for text := range strings.SplitSeq(err.Error(), "\n") {
			v.addf("metadata.patch", "%s", text)
		}
	}
	return p
}

func (v *validator) json(key string, value any) json.RawMessage {
	text, err := json.Marshal(value)
	v.require(err == nil, key, "must be a JSON value")
	return text
}

// cors returns the handler of the CORS protocol, or nil. An allowed origin must be written
// as browsers send it: no pattern, no null.
func (v *validator) cors(allowed []string) *cors.Cors {
	if len(allowed) == 0 {
		return nil
	}
	for _, text := range allowed {
		u := origin.Of(text)
		v.require(u != nil && origin.Serialize(u) == text && !strings.Contains(text, "*") && origin.IsConfidential(u), "cors.allowed_origins",
			"each must be an origin as browsers send it, https or loopback, such as https://app.example.com; "+text+" is not one")
	}
	return cors.New(cors.Options{
		AllowedOrigins: allowed,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders: []string{"Authorization", "Content-Type", "DPoP", "MCP-Protocol-Version"},
		// A refused page needs the challenge.
		ExposedHeaders: []string{"WWW-Authenticate", "DPoP-Nonce", "Retry-After", "X-Request-Id"},
		MaxAge:         600,
	})
}
