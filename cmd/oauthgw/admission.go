package main

import (
	"context"
	"net/http"

	"oauthgw/proxy"
	"oauthgw/wellknown"
)

// passthroughLimits returns how many of n connections exchanges on paths that are not
// fronted may hold. Such an exchange may last as long as it likes and is never evicted,
// so a quarter of the connections is no stream's. An exchange that does not ask for a
// stream, such as a login page, may use half of that quarter too, so that streams do
// not shut out browsers. The rest is left to fronted endpoints and metadata.
func passthroughLimits(n int) (streams, all int) {
	reserve := (n-1)/4 + 1
	return max(1, n-reserve), max(1, n-(reserve+1)/2)
}

// uploadLimit returns how many of n connections may hold requests on paths that are not
// fronted while their bodies arrive. Each holds a connection to the provider, and a client
// that sends slowly costs itself next to nothing. Small bodies are received before, so a
// login form is no upload.
func uploadLimit(n int) int { return max(1, n/4) }

// admit implements Admit of [proxy.PassthroughConfig] for requests of limited
// connections.
func admit(ctx context.Context, stream, upload bool) bool {
	c, limited := ctx.Value(connectionKey{}).(*connection)
	return !limited || c.admit(stream, upload)
}

// release implements Release of [proxy.PassthroughConfig]. A connection that was
// upgraded keeps its place until it is closed.
func release(ctx context.Context) {
	c, limited := ctx.Value(connectionKey{}).(*connection)
	if !limited {
		return
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.awaits != given {
		c.yield()
	}
}

// admitted lets requests for metadata outside the issuer's locations hold a place.
// Clients make such locations up, and each may wait for the provider.
func admitted(documents *wellknown.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !documents.ServesOwn(r.URL.Path) {
			if !admit(r.Context(), false, false) {
				proxy.WriteError(w, r, proxy.ErrTooManyStreams)
				return
			}
			defer release(r.Context())
		}
		documents.ServeHTTP(w, r)
	})
}

// admit reports whether the connection may hold a place, or go on holding one as a
// stream. From then on its request is at the provider, and it is not evicted. Until its
// body is whole it may be an upload too.
func (c *connection) admit(stream, upload bool) bool {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.left {
		panic(http.ErrAbortHandler) // no one could receive a response
	}
	streams, all := passthroughLimits(c.of.most)
	held, limit := c.of.passthrough, all
	if !c.passthrough {
		held++
	}
	if stream {
		limit = streams
	}
	switch {
	case held > limit:
		c.of.report("streams")
		return false
	case upload && c.of.uploads >= uploadLimit(c.of.most):
		c.of.report("uploads")
		return false
	case upload:
		c.upload = true
		c.of.uploads++
	}
	if !c.passthrough {
		c.passthrough = true
		c.of.passthrough++
		c.move(nothing)
	}
	return true
}

// yield gives back the connection's place, if it holds one. The lock must be held.
func (c *connection) yield() {
	c.endUpload()
	if c.passthrough {
		c.passthrough = false
		c.of.passthrough--
	}
}

// endUpload notes that the body of the request is whole, or that nobody waits for it any
// more. The lock must be held.
func (c *connection) endUpload() {
	if c.upload {
		c.upload = false
		c.of.uploads--
	}
}
