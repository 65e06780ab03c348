package proxy

import (
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"strings"

	"oauthgw/clientauth"
)

// eventStream is the media type of a response that does not end (server-sent events,
// section 9.2 of the HTML standard).
const eventStream = "text/event-stream"

// admit returns a request that may be forwarded, with its body if that is small. Nil means
// that it has refused the request.
func (c PassthroughConfig) admit(w http.ResponseWriter, r *http.Request) *http.Request {
	r, err := receiveSmall(w, r)
	var refusal *clientauth.Error
	switch {
	case errors.As(err, &refusal):
		WriteError(w, r, refusal)
	case !c.admits(r):
		c.refuseStream(w, r)
	default:
		return r
	}
	return nil
}

// admits reports whether a request may be forwarded. It asks for a stream if it asks
// for another protocol (RFC 9110 section 7.8) or for events.
func (c PassthroughConfig) admits(r *http.Request) bool {
	stream := r.Header.Get("Upgrade") != "" ||
		strings.Contains(strings.ToLower(strings.Join(r.Header["Accept"], ",")), eventStream)
	return c.Admit == nil || c.Admit(r.Context(), stream, uploads(r))
}

// admitResponse returns an error for an event stream that was not asked for as one, if
// streams hold as many connections as they may. Only a GET can be refused here: any
// other request may have changed something, and its client needs the response.
func (c PassthroughConfig) admitResponse(resp *http.Response) error {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if c.Admit == nil || mediaType != eventStream || resp.Request.Method != http.MethodGet {
		return nil
	}
	if !c.Admit(resp.Request.Context(), true, false) {
		return ErrTooManyStreams
	}
	return nil
}

// release ends an exchange that was admitted.
func (c PassthroughConfig) release(r *http.Request) {
	if c.Release != nil {
		c.Release(r.Context())
	}
}

func (c PassthroughConfig) refuseStream(w http.ResponseWriter, r *http.Request) {
	c.Log.LogAttrs(r.Context(), slog.LevelInfo, "request refused",
		slog.String("endpoint", Passthrough), slog.String("outcome", ErrTooManyStreams.Reason))
	WriteError(w, r, ErrTooManyStreams)
}
