package wellknown

import (
	"encoding/json"

	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
)

// moveResource returns the metadata of a protected resource (RFC 9728) whose
// authorization server is reached through the gateway under another issuer: it
// names that issuer, and itself as clients reach it, which they compare (section
// 3.3).
func moveResource(resource jsonobject.Object, way origin.Map) jsonobject.Object {
	out := resource
	if at, _ := way.Move(resource.Text(memberResource)); at != resource.Text(memberResource) {
		out = out.With(memberResource, at)
	}
	var servers []string
	if json.Unmarshal(resource.Get(memberServers), &servers) == nil && len(servers) > 0 {
		for i, server := range servers {
			servers[i], _ = way.Move(server)
		}
		out = out.With(memberServers, servers)
	}
	// RFC 9728 section 2.2: signed values would take precedence.
	return Metadata{out}.without(memberSigned).Object
}
