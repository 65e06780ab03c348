package faultprovider

import (
	"encoding/json"
	"fmt"
	"strings"
)

// documents are metadata that says what it must not say.
func documents() []Fault {
	elsewhere := func(name, where, url string) Fault {
		return Fault{"metadata-" + name, "names a token endpoint and keys " + where, "87", OnMetadata,
			publish(func(d map[string]any) { d["token_endpoint"], d["jwks_uri"] = url, url })}
	}
	return []Fault{
		{"metadata-issuer", "publishes metadata of another issuer", "86", OnMetadata,
			publish(func(d map[string]any) { d["issuer"] = ForeignOrigin })},
		elsewhere("other-host", "at another host", ForeignOrigin+TokenPath),
		elsewhere("plain-http", "at another host without TLS", "http://elsewhere.invalid"+TokenPath),
		elsewhere("userinfo", "with a user name before the host", "https://login.example.com@elsewhere.invalid"+TokenPath),
		elsewhere("link-local", "at the address of a cloud's own metadata", "http://169.254.169.254"+TokenPath),
		elsewhere("file", "in the file system", "file:///etc/passwd"),
		{"metadata-nan", "puts NaN into the metadata", "88", OnMetadata, spelt(`"expires":NaN`)},
		{"metadata-duplicate", "names two token endpoints in one document", "88", OnMetadata,
			spelt(`"token_endpoint":"` + ForeignOrigin + `/a","token_endpoint":"` + ForeignOrigin + `/b"`)},
		{"metadata-deep", "nests lists 10,001 deep in the metadata", "88", OnMetadata,
			spelt(`"x":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001))},
		{"metadata-changing", "names another token endpoint each time", "90", OnMetadata, func(x *exchange) {
			publish(func(d map[string]any) {
				d["token_endpoint"] = fmt.Sprintf("%v/%d", d["issuer"], x.provider.total("metadata-changing"))
			})(x)
		}},
		{"metadata-none", "says that clients need not authenticate", "95", OnMetadata,
			publish(func(d map[string]any) { d["token_endpoint_auth_methods_supported"] = []string{"none"} })},
	}
}

// publish is what publishes the metadata with a change.
func publish(change func(map[string]any)) func(*exchange) {
	return func(x *exchange) {
		d := x.document()
		change(d)
		text, _ := json.Marshal(d) // it was JSON before
		x.say(whole("200 OK", string(text), typeJSON))
	}
}

// spelt is what publishes the metadata with members as they are written.
func spelt(members string) func(*exchange) {
	return func(x *exchange) {
		text, _ := json.Marshal(x.document())
		x.say(whole("200 OK", strings.TrimSuffix(string(text), "}")+","+members+"}", typeJSON))
	}
}

// otherDocuments are not metadata, or bring it in ways that lead nowhere.
func otherDocuments() []Fault {
	return []Fault{
		{"metadata-large", "announces metadata as large as the volume and sends it", "88", OnMetadata, flood(typeJSON)},
		{"metadata-endless", "sends metadata in chunks up to the volume, and no last one", "88", OnMetadata, sayEndlessChunks},
		{"metadata-slow", "sends metadata octet by octet, one for each interval", "88", OnMetadata, dripBody},
		{"metadata-gzip-bomb", "sends compressed metadata that is as large as the volume", "88", OnMetadata, dropBomb},
		{"metadata-truncated", "sends half of the metadata without a length, and closes", "88", OnMetadata, func(x *exchange) {
			r := x.honest()
			x.say(r.head("HTTP/1.1", "Connection: close"), half(r))
			x.hangUp()
		}},
		{"metadata-redirect", "leads from the metadata to another origin", "89", OnMetadata,
			says(whole("302 Found", "", "Location: "+ForeignOrigin+"/.well-known/oauth-authorization-server"))},
		{"metadata-500", "fails when it is asked for metadata", "93", OnMetadata, says(whole("500 Internal Server Error", stackTrace, typeHTML))},
		{"metadata-404", "has no metadata", "93", OnMetadata, says(whole("404 Not Found", "", "Content-Type: text/plain"))},
		{"metadata-empty", "sends metadata that is empty", "93", OnMetadata, says(whole("200 OK", "", typeJSON))},
		{"metadata-html", "answers the request for metadata with a page", "93", OnMetadata, says(whole("200 OK", "<!DOCTYPE html>\n<title>Sign in</title>\n", typeHTML))},
	}
}
