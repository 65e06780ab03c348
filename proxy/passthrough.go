package proxy

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/trustedproxy"
	"oauthgw/metrics"
)

// Passthrough names the paths that are no fronted endpoint, in logs and
// metrics.
const Passthrough = "passthrough"

// PassthroughConfig describes the way to everything that is not fronted.
type PassthroughConfig struct {
	// Upstream is the provider's origin.
	Upstream *url.URL
	// Transport performs the requests; see [NewPassthroughTransport].
	Transport http.RoundTripper
	// URLMap moves the place of a protected resource's metadata, which names the
	// issuer, to where the gateway serves it. Zero leaves it.
	URLMap origin.Map
	// Proxies are those whose word on where a request came from is taken.
	Proxies trustedproxy.Proxies
	// Admit reports whether the exchange of a request's context may be forwarded. An
	// exchange holds its connection as long as it likes; stream says that it will for
	// long, and upload that its body has yet to arrive. It is asked again when a response
	// turns out to be a stream. Nil admits all.
	Admit func(ctx context.Context, stream, upload bool) bool
	// Release is called at the end of an exchange that was admitted.
	Release func(context.Context)
	// Metrics and Log receive the facts of each exchange.
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// NewPassthrough returns a handler that carries requests to the provider as
// they are, WebSockets and streams included. Other upgrades are declined. The
// client's Host is kept, and the X-Forwarded fields tell where the request came
// from.
func NewPassthrough(c PassthroughConfig) http.Handler {
	frame := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			path, _ := TargetPath(p.In) // the gateway has refused a target without one
			p.Out.URL = targetAt(c.Upstream, path)
			p.Out.URL.RawQuery, p.Out.URL.ForceQuery = p.In.URL.RawQuery, p.In.URL.ForceQuery
			p.Out.Host = p.In.Host
			restoreNamed(p.Out.Header, p.In.Header)
			c.Proxies.SetForwarded(p, p.In.Header)
		},
		Transport:     c.Transport,
		BufferPool:    streamBuffers,
		FlushInterval: -1,
		ModifyResponse: func(resp *http.Response) error {
			if resp.StatusCode == http.StatusSwitchingProtocols {
				return acceptSwitch(resp)
			}
			leaveUnread(resp)
			c.moveResourceMetadata(resp.Header["Www-Authenticate"])
			return c.admitResponse(resp)
		},
		ErrorHandler: c.fail,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		response, w := responserecorder.Wrap(w)
		defer func() { c.report(r, response.Status(), time.Since(start)) }()
		out := idleTimeoutWriter{w, r.ProtoAtLeast(1, 1)}
		handshake := limitUpgrade(r)
		sent := c.admit(out, r)
		if sent == nil {
			return
		}
		defer c.release(r)
		sent = withIdleTimeout(w, sent)
		if handshake {
			sent = withUpgrade(r)
		}
		frame.ServeHTTP(out, sent)
		out.begin() // what net/http sends at the end
	})
}

// restoreNamed puts back the fields that a Connection field named and ReverseProxy
// removed for that. Connection passes proxies that know nothing of it, so that a client
// could have removed what an ingress added. Of the fields that belong to a connection
// (RFC 9110 section 7.6.1) those that are known are removed in any case, and no others
// are in use.
func restoreNamed(out, in http.Header) {
	for _, field := range in["Connection"] {
		for name := range strings.SplitSeq(field, ",") {
			name = http.CanonicalHeaderKey(strings.Trim(name, " \t"))
			if values := in[name]; values != nil && out[name] == nil && !isHopByHop(name) {
				out[name] = values
			}
		}
	}
}

// pieceTime is how long a client may take to receive a piece of an answer.
const pieceTime = 30 * time.Second

// idleTimeoutWriter is an answer that takes as long as it likes, as a stream does, but whose
// client takes what is sent.
type idleTimeoutWriter struct {
	http.ResponseWriter
	interim bool // the client knows interim responses
}

func (p idleTimeoutWriter) begin() {
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(pieceTime))
}

// WriteHeader implements [http.ResponseWriter]. An interim response passes without
// its hop-by-hop fields, and not to a client of HTTP/1.0 (RFC 9110 section 15.2).
func (p idleTimeoutWriter) WriteHeader(status int) {
	if status < http.StatusOK {
		if !p.interim {
			return
		}
		removeHopByHop(p.Header())
		p.begin()
	} else {
		leaveUntyped(p.Header())
	}
	p.ResponseWriter.WriteHeader(status)
}

// Hijack implements [http.Hijacker].
func (p idleTimeoutWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return hijack(p.ResponseWriter)
}

// Write implements [io.Writer].
func (p idleTimeoutWriter) Write(piece []byte) (int, error) {
	p.begin()
	return p.ResponseWriter.Write(piece)
}

// FlushError lets [http.ResponseController] flush.
func (p idleTimeoutWriter) FlushError() error {
	p.begin()
	return http.NewResponseController(p.ResponseWriter).Flush()
}

// Unwrap lets [http.ResponseController] reach the connection.
func (p idleTimeoutWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (c PassthroughConfig) report(r *http.Request, status int, d time.Duration) {
	c.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("endpoint", Passthrough),
		slog.String("method", abbreviated(r.Method)),
		slog.String("path", abbreviated(r.URL.EscapedPath())),
		slog.Int("status", status),
		slog.String("client_ip", address(c.Proxies.ClientIP(r))),
		slog.Int64("duration_us", d.Microseconds()))
}

func (c PassthroughConfig) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrTooManyStreams) {
		c.refuseStream(w, r)
		return
	}
	// What breaks off at the client the provider cannot help.
	if refusal := bodyError(r.Context()); refusal != nil {
		WriteError(w, r, refusal)
		return
	}
	refusal, reason := upstreamFault(err)
	c.Metrics.UpstreamError(Passthrough, reason)
	if refusal == nil {
		abort()
	}
	c.Log.LogAttrs(r.Context(), slog.LevelWarn, "upstream error",
		slog.String("endpoint", Passthrough), slog.String("err", reason))
	WriteError(w, r, refusal)
}
