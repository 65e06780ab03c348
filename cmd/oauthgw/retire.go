package main

import "net/http"

// enter counts a request in. It reports false if the gateway is closed.
func (g *gateway) enter() bool {
	for n := g.users.Load(); n > 0; n = g.users.Load() {
		if g.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// leave counts a request out. The last one closes a gateway that was replaced. Every
// other one closes the connection that it leaves idle: no request will use that again,
// and a stream can keep a replaced gateway for hours.
func (g *gateway) leave() {
	switch {
	case g.users.Add(-1) == 0:
		g.close()
	case g.retired.Load():
		g.release()
	}
}

// retire closes a gateway that was replaced, once its last request has ended. Idle
// connections close at once.
func (g *gateway) retire() {
	g.retired.Store(true)
	g.leave()
}

// release closes the idle connections to the provider.
func (g *gateway) release() {
	for _, t := range []http.RoundTripper{g.to.fronted, g.to.metadata, g.to.rest} {
		(&http.Client{Transport: t}).CloseIdleConnections()
	}
}

// close ends the fetches under way and closes the idle connections to the
// provider.
func (g *gateway) close() {
	g.source.Close()
	g.release()
}
