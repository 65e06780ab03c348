package doctor

import (
	"net/http"
	"slices"
	"strings"

	"oauthgw/internal/printable"
)

// judgeResource judges the metadata of the protected resource (RFC 9728), which
// leads MCP clients to the authorization server. Not every server has one.
func judgeResource(o observation) []Finding {
	l := o.resource
	say := func(s Severity, what, do string) []Finding { return []Finding{{s, l.path, what, do}} }
	switch {
	case l.reply.status == http.StatusNotFound:
		return nil
	case !l.holds():
		return judgeNoDocumentAt(l, Warning)
	}
	servers, listed := l.texts("authorization_servers")
	foreign := slices.DeleteFunc(slices.Clone(servers), func(s string) bool { return s == o.url })
	switch {
	case !listed || len(foreign) == 0:
		return nil
	case servers[0] == o.url:
		return say(Note, "Beside the URL given, the protected resource names "+quoteAll(foreign)+" as its authorization servers. Clients choose.", "Nothing, if it means it so.")
	case strings.TrimRight(servers[0], "/") == strings.TrimRight(o.url, "/"):
		return say(Warning, "The protected resource names "+printable.Quote(servers[0])+" as its authorization server and the URL given is "+printable.Quote(o.url)+": only a slash at the end differs, and still they are two servers to clients, which compare octets (RFC 8414 section 3.3).",
			"Write it as the issuer is written.")
	}
	return say(Problem, "The protected resource sends clients to "+quoteAll(foreign)+" and not to "+printable.Quote(o.url)+".",
		"Let it name the issuer at which clients begin. If the URL given is that of the protected resource, examine what it names.")
}
