package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"oauthgw/internal/responserecorder"
)

// webSocket is the only protocol allowed: h2c, for example, could carry requests past the gateway.
const webSocket = "websocket"

// limitUpgrade reports whether a request is a WebSocket handshake: a GET of HTTP/1.1 (RFC 6455
// section 4.1) without a body, which could be read as bytes of the WebSocket. From any other
// request it removes Upgrade (RFC 9110 section 7.8).
func limitUpgrade(r *http.Request) bool {
	r.Header.Del("HTTP2-Settings")
	if r.Method == http.MethodGet && r.Proto == "HTTP/1.1" && r.ContentLength == 0 &&
		lists(r.Header["Connection"], "upgrade") && lists(r.Header["Upgrade"], webSocket) {
		r.Header.Set("Upgrade", webSocket)
		return true
	}
	r.Header.Del("Upgrade")
	return false
}

// lists reports whether a field with a comma-separated list of tokens has one, in any case.
func lists(values []string, token string) bool {
	return slices.ContainsFunc(elements(values), func(e string) bool { return strings.EqualFold(e, token) })
}

// elements returns the elements of a field with a comma-separated list.
func elements(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	list := strings.Split(strings.Join(values, ","), ",")
	for i, element := range list {
		list[i] = strings.Trim(element, " \t")
	}
	return list
}

// acceptSwitch prepares a 101 for the client, or returns an error if not both sides want
// WebSocket. Provider is the end at the provider; without a connection there was no handshake.
func acceptSwitch(resp *http.Response, provider *tunnelEnd) error {
	to := resp.Header["Upgrade"]
	if provider.Conn == nil || resp.Proto != "HTTP/1.1" ||
		!lists(resp.Header["Connection"], "upgrade") || len(to) != 1 || !strings.EqualFold(to[0], webSocket) {
		return errBrokenReply
	}
	removeHopByHop(resp.Header)
	resp.Header.Set("Connection", "Upgrade")
	resp.Header.Set("Upgrade", webSocket)
	// ReverseProxy writes the header itself.
	resp.Header[RequestID] = resp.Request.Header[RequestID]
	resp.Body = provider
	return nil
}

// Hijack returns a connection from which the bytes behind the request are read first.
func (w idleTimeoutWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, err := rw.Reader.Peek(rw.Reader.Buffered())
	recorder, _ := responserecorder.Wrap(w.ResponseWriter)
	return &tunnelEnd{Conn: conn, timeout: w.timeout, side: responserecorder.Client, recorder: recorder, from: struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(early), conn), conn}}, rw, err
}

// linger is how long one side of a WebSocket may be silent after the other has finished:
// enough for a closing handshake (RFC 6455 section 7.1.1).
const linger = 5 * time.Second

// tunnelEnd is one of the two connections of a WebSocket. After one side has finished
// sending, the other may go on while it sends and its bytes are read.
type tunnelEnd struct {
	net.Conn
	timeout  time.Duration // of writes after one direction is finished
	from     io.ReadCloser // the connection, with bytes that were read ahead
	side     string        // client or provider
	recorder *responserecorder.Recorder
	finished atomic.Bool // one direction is
}

func (e *tunnelEnd) Read(p []byte) (int, error) {
	e.limit()
	n, err := e.from.Read(p)
	if errors.Is(err, io.EOF) {
		e.finish()
	}
	e.fail(err)
	return n, err
}

func (e *tunnelEnd) Write(p []byte) (int, error) {
	e.limit()
	n, err := e.Conn.Write(p)
	e.fail(err)
	return n, err
}

// fail records an error, unless a side has finished: then the WebSocket ends in any way.
func (e *tunnelEnd) fail(err error) {
	if !e.finished.Load() {
		e.recorder.Fail(e.side, err)
	}
}

// CloseWrite is called when the other side has finished sending.
func (e *tunnelEnd) CloseWrite() error {
	e.finish()
	if half, ok := e.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (e *tunnelEnd) Close() error { return e.from.Close() }

func (e *tunnelEnd) finish() {
	e.finished.Store(true)
	e.limit()
}

// limit sets the deadlines of the direction that is left when the other is finished.
func (e *tunnelEnd) limit() {
	if e.finished.Load() {
		_ = e.SetReadDeadline(time.Now().Add(linger))
		_ = e.SetWriteDeadline(time.Now().Add(e.timeout))
	}
}

// removeHopByHop removes the fields for one connection, and those that Connection names
// (RFC 9110 section 7.6.1).
func removeHopByHop(h http.Header) {
	for _, name := range elements(h["Connection"]) {
		h.Del(name)
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return isHopByHop(name) })
}
