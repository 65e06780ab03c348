package faultprovider

import (
	"encoding/json"
	"fmt"
	"strings"
)

// documents are metadata with wrong members.
func documents() []Fault {
	foreign := func(name, description, url string) Fault {
		return Fault{"metadata-" + name, "names a token endpoint and keys " + description, "87", OnMetadata,
			publish(func(d map[string]any) { d["token_endpoint"], d["jwks_uri"] = url, url })}
	}
	return []Fault{
		{"metadata-issuer", "publishes metadata of another issuer", "86", OnMetadata,
			publish(func(d map[string]any) { d["issuer"] = ForeignOrigin })},
		foreign("other-host", "at another host", ForeignOrigin+TokenPath),
		foreign("plain-http", "at another host without TLS", "http://elsewhere.invalid"+TokenPath),
		foreign("userinfo", "with a user name", "https://login.example.com@elsewhere.invalid"+TokenPath),
		foreign("link-local", "at the address of a cloud's metadata service", "http://169.254.169.254"+TokenPath),
		foreign("file", "in the file system", "file:///etc/passwd"),
		{"metadata-nan", "publishes metadata with NaN", "88", OnMetadata, publishMembers(`"expires":NaN`)},
		{"metadata-duplicate", "publishes metadata with two token endpoints", "88", OnMetadata,
			publishMembers(`"token_endpoint":"` + ForeignOrigin + `/a","token_endpoint":"` + ForeignOrigin + `/b"`)},
		{"metadata-deep", "publishes metadata with arrays nested 10,001 deep", "88", OnMetadata,
			publishMembers(`"x":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001))},
		{"metadata-changing", "publishes another token endpoint each time", "90", OnMetadata, func(c *connection) {
			publish(func(d map[string]any) {
				d["token_endpoint"] = fmt.Sprintf("%v/%d", d["issuer"], c.provider.Counts()["metadata-changing"])
			})(c)
		}},
		{"metadata-none", "publishes none as the only authentication method", "95", OnMetadata,
			publish(func(d map[string]any) { d["token_endpoint_auth_methods_supported"] = []string{"none"} })},
	}
}

// publish returns a fault that changes the metadata.
func publish(change func(map[string]any)) func(*connection) {
	return func(c *connection) {
		d := c.metadata()
		change(d)
		text, _ := json.Marshal(d) // was JSON
		c.write(message("200 OK", string(text), typeJSON))
	}
}

// publishMembers returns a fault that adds members to the metadata.
func publishMembers(members string) func(*connection) {
	return func(c *connection) {
		text, _ := json.Marshal(c.metadata())
		c.write(message("200 OK", strings.TrimSuffix(string(text), "}")+","+members+"}", typeJSON))
	}
}

// noDocuments are responses without metadata, or with metadata that cannot be read.
func noDocuments() []Fault {
	return []Fault{
		{"metadata-large", "sends metadata of the large size", "88", OnMetadata, sendLargeBody},
		{"metadata-endless", "sends metadata in chunks up to the large size and no last one", "88", OnMetadata, sendEndlessChunks},
		{"metadata-slow", "sends one byte of the metadata in each interval", "88", OnMetadata, sendSlowBody},
		{"metadata-gzip-bomb", "sends compressed metadata of the large size", "88", OnMetadata, sendBomb},
		{"metadata-truncated", "sends half of the metadata without a length and closes", "88", OnMetadata, sendHalfWithoutLength},
		{"metadata-redirect", "redirects from the metadata to another origin", "89", OnMetadata,
			send(message("302 Found", "", "Location: "+ForeignOrigin+"/.well-known/oauth-authorization-server"))},
		{"metadata-500", "responds to a metadata request with status 500", "93", OnMetadata, send(message("500 Internal Server Error", stackTrace, typeHTML))},
		{"metadata-404", "has no metadata", "93", OnMetadata, send(message("404 Not Found", "", "Content-Type: text/plain"))},
		{"metadata-empty", "sends empty metadata", "93", OnMetadata, send(message("200 OK", "", typeJSON))},
		{"metadata-html", "responds to a metadata request with a page", "93", OnMetadata, send(message("200 OK", "<!DOCTYPE html>\n<title>Sign in</title>\n", typeHTML))},
	}
}
