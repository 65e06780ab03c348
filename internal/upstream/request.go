package upstream

import (
	"bytes"
	"net/http"
	"sync"
)

// messages are buffers for requests, empty. Given one, net/http needs none of its
// own, in which secrets would stay.
var messages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// encode returns a request as it is sent. Whoever has sent it forgets it.
func encode(r *http.Request) (*bytes.Buffer, error) {
	out := *r
	if r.Body == nil || r.ContentLength == 0 {
		out.Body, out.ContentLength = http.NoBody, 0
	}
	message := messages.Get().(*bytes.Buffer)
	err := out.Write(message)
	if r.Body != nil {
		_ = r.Body.Close()
	}
	if err != nil {
		forget(message)
		return nil, err
	}
	return message, nil
}

// forget clears a request, because it holds secrets.
func forget(message *bytes.Buffer) {
	clear(message.Bytes())
	message.Reset()
	messages.Put(message)
}
