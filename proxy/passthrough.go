package proxy

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/connlimit"
	"oauthgw/internal/origin"
	"oauthgw/internal/repair"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/trustedproxy"
	"oauthgw/metrics"
)

// Passthrough names all paths but the endpoints in logs and metrics.
const Passthrough = "passthrough"

// PassthroughConfig configures the handler of the authorization endpoint or all other paths.
type PassthroughConfig struct {
	Endpoint string // in metrics; empty: Passthrough
	// Authorization is for the authorization endpoint. Zero judges nothing.
	Authorization Authorization
	Requests      repair.Requests   // repairs of authorization requests; zero: none
	Upstream      *url.URL          // the provider's origin
	Transport     http.RoundTripper // see [NewPassthroughTransport]
	// URLMap maps the URL of a protected resource's metadata, which names the issuer, to
	// where the gateway serves it. Zero leaves it.
	URLMap origin.Map
	// ResourceMetadata returns the URL of the metadata of the configured protected resource that a
	// request is for. Empty: it is for none. Nil: none is configured.
	ResourceMetadata func(*http.Request) string
	Proxies          trustedproxy.Proxies // whose X-Forwarded fields are believed
	Host             string               // sent to the provider; empty: the client's
	Stall            time.Duration        // the timeout of a pause in the request body, see [WriteTimeout] for the response; positive
	Metrics          *metrics.Metrics
}

// NewPassthroughTransport returns the transport for all other paths. It speaks HTTP/1.1, decompresses
// nothing, and waits as long as the client does. Socket is the provider's Unix socket, or empty.
func NewPassthroughTransport(socket string, config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	return &http.Transport{
		Protocols:       protocols,
		TLSClientConfig: config,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if socket != "" {
				network, address = "unix", socket
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSHandshakeTimeout: 5 * time.Second,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     60 * time.Second,
		// With the default of 10 MiB a few responses could exhaust the memory.
		MaxResponseHeaderBytes: 64 << 10,
	}
}

var unlogged = log.New(io.Discard, "", 0) // the log line of a request has how it ended

type passthrough struct{ PassthroughConfig }

// NewPassthrough returns a handler that forwards requests unchanged, with X-Forwarded fields and,
// unless one is configured, the client's Host. It declines upgrades to other than WebSocket.
func NewPassthrough(c PassthroughConfig) http.Handler {
	c.Endpoint = cmp.Or(c.Endpoint, Passthrough)
	return passthrough{c}
}

func (p passthrough) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	recorder, w := responserecorder.Wrap(w)
	recorder.Attrs = append(recorder.Attrs, slog.String("method", abbreviate(r.Method)), slog.String("path", abbreviate(r.URL.EscapedPath())))
	writer := idleTimeoutWriter{w, WriteTimeout(p.Stall), r.ProtoAtLeast(1, 1)}
	handshake := limitUpgrade(r)
	err := readSmallBody(writer, r, p.Stall)
	if err == nil && !connlimit.Admit(r.Context(), asksForStream(r), isUpload(r)) {
		err = ErrTooManyStreams
	}
	var e *clientauth.Error
	if errors.As(err, &e) {
		WriteError(writer, e)
		return
	}
	defer connlimit.Release(r.Context())
	if p.Authorization.Clients.HasPublic() {
		memory := new(share)
		defer memory.release()
		if r, err = p.judge(writer, r, recorder, memory); errors.As(err, &e) {
			writePage(writer, e)
			return
		}
	}
	p.forward(writer, p.repair(r, recorder), recorder, handshake)
	setWriteDeadline(w, writer.timeout) // for what net/http sends at the end
}

func (p passthrough) forward(w http.ResponseWriter, r *http.Request, recorder *responserecorder.Recorder, handshake bool) {
	var provider net.Conn       // of a WebSocket
	var upload *idleTimeoutBody // nil: the body has arrived
	switch {
	case handshake:
		trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) { provider = got.Conn }}
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
	case isUpload(r):
		upload = &idleTimeoutBody{ReadCloser: r.Body, w: w, stall: p.Stall}
		r.Body = upload
	}
	forwarder := httputil.ReverseProxy{
		Rewrite:       p.setRequest,
		Transport:     p.Transport,
		BufferPool:    streamBuffers,
		FlushInterval: -1,
		ErrorLog:      unlogged,
		ModifyResponse: func(resp *http.Response) error {
			switch {
			case resp.StatusCode == http.StatusSwitchingProtocols:
				return acceptSwitch(resp, &tunnelEnd{Conn: provider, timeout: WriteTimeout(p.Stall), from: resp.Body, side: responserecorder.Provider, recorder: recorder})
			case resp.StatusCode < 100: // net/http would panic
				return errBrokenReply
			}
			resp.Body = recordedBody{resp.Body, upload, recorder}
			p.correctChallenges(resp, r)
			err := p.modifyResponse(resp, upload)
			if err == nil {
				moveHeader(w, resp)
			}
			return err
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { p.upstreamFailed(w, err, upload, recorder) },
	}
	forwarder.ServeHTTP(w, r)
}

// asksForStream reports whether a request is for events or an upgrade (RFC 9110 section 7.8).
func asksForStream(r *http.Request) bool {
	return r.Header.Get("Upgrade") != "" || strings.Contains(strings.ToLower(strings.Join(r.Header["Accept"], ",")), eventStream)
}

// isUpload reports whether a request has a body that is not small.
func isUpload(r *http.Request) bool { return r.ContentLength < 0 || r.ContentLength > smallBody }

// readSmallBody waits until a small body has arrived. Until then the request holds no
// connection to the provider, and its own may be evicted.
func readSmallBody(w http.ResponseWriter, r *http.Request, timeout time.Duration) error {
	if r.ContentLength == 0 || isUpload(r) {
		return nil
	}
	body, err := readBody(w, r, timeout, new(share))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err
}

func (p passthrough) setRequest(r *httputil.ProxyRequest) {
	path, _ := TargetPath(r.In) // the gateway has refused a target without one
	r.Out.URL = targetAt(p.Upstream, path)
	r.Out.URL.RawQuery, r.Out.URL.ForceQuery = r.In.URL.RawQuery, r.In.URL.ForceQuery
	r.Out.Host = cmp.Or(p.Host, r.In.Host)
	restoreNamed(r.Out.Header, r.In.Header)
	p.Proxies.SetForwarded(r, r.In.Header)
}

// restoreNamed restores fields that Connection names and ReverseProxy has removed. Proxies
// that do not know Connection forward it, so a client could remove what an ingress has added.
func restoreNamed(out, in http.Header) {
	for _, name := range elements(in["Connection"]) {
		name = http.CanonicalHeaderKey(name)
		if values := in[name]; values != nil && out[name] == nil && !isHopByHop(name) {
			out[name] = values
		}
	}
}

const eventStream = "text/event-stream" // of responses that do not end (HTML standard, section 9.2)

// modifyResponse refuses an event stream that the client did not ask for if there are too many.
// Only a GET is refused: another request may have changed something, and needs the response.
func (p passthrough) modifyResponse(resp *http.Response, upload *idleTimeoutBody) error {
	// Otherwise net/http would take the rest of the body, which the provider is to receive.
	if incomplete, _ := upload.state(); incomplete {
		resp.Header.Set("Connection", "close")
	}
	if resp.Request.Method == http.MethodGet && isEventStream(resp.Header.Get("Content-Type")) &&
		!connlimit.Admit(resp.Request.Context(), true, false) {
		return ErrTooManyStreams
	}
	return nil
}

func isEventStream(value string) bool {
	if !strings.Contains(strings.ToLower(value), eventStream) { // as nearly every type
		return false
	}
	mediaType, _, _ := mime.ParseMediaType(value)
	return mediaType == eventStream
}

func (p passthrough) upstreamFailed(w http.ResponseWriter, err error, upload *idleTimeoutBody, recorder *responserecorder.Recorder) {
	_, e := upload.state()
	if errors.Is(err, ErrTooManyStreams) {
		e = ErrTooManyStreams
	}
	if e != nil {
		WriteError(w, e)
		return
	}
	response := upstreamError(err)
	p.Metrics.UpstreamError.Inc(p.Endpoint, response.Reason)
	if response == errCanceled {
		recorder.Fail(responserecorder.Client, context.Canceled)
		abort()
	}
	recorder.Level = slog.LevelWarn
	WriteError(w, response)
}

// recordedBody is a response body that records why it ends early.
type recordedBody struct {
	io.ReadCloser
	upload   *idleTimeoutBody // its error ends the response as well
	recorder *responserecorder.Recorder
}

func (b recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.recorder.Fail(responserecorder.Client, b.upload.failure())
		b.recorder.Fail(responserecorder.Provider, err)
	}
	return n, err
}
