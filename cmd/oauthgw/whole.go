package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
)

// ample is more than any form: a body of which as much has arrived is waited for anew.
const ample = 64 << 10

type connectionKey struct{}

// withConnection lets handlers of requests know their connection.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if c := boundedBy(c); c != nil {
		return context.WithValue(ctx, connectionKey{}, c)
	}
	return ctx
}

// untilWhole lets connections wait for the bodies of requests, and for nothing once
// those are whole. It changes requests, which must be copies of net/http's: that
// looks at the body of its own.
func untilWhole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, bounded := r.Context().Value(connectionKey{}).(*connection)
		body := r.ContentLength
		switch {
		case !bounded:
		case !c.handle(body):
			panic(http.ErrAbortHandler)
		default:
			if c.state != nil {
				r.TLS = c.state // net/http sets it for a [tls.Conn] only
			}
			if body != 0 {
				r.Body = &arriving{ReadCloser: r.Body, on: c}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// arriving is a body, and tells its connection how far it has arrived.
type arriving struct {
	io.ReadCloser
	on  *connection
	got int // since it was last waited for
}

// Read implements [io.Reader].
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.got += n
	still := true
	switch {
	case errors.Is(err, io.EOF):
		still = a.on.await(nothing)
	case a.got >= ample:
		a.got = 0
		still = a.on.await(theRest)
	}
	if !still {
		return n, net.ErrClosed
	}
	return n, err
}
