package upstream

import (
	"bytes"
	"net/http"
)

// encode returns a request as it is sent, and closes its body.
func encode(r *http.Request) ([]byte, error) {
	out := *r
	if r.Body == nil || r.ContentLength == 0 {
		out.Body, out.ContentLength = http.NoBody, 0
	}
	const typicalHeader = 1 << 10
	message := bytes.NewBuffer(make([]byte, 0, typicalHeader+max(0, r.ContentLength)))
	err := out.Write(message)
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return message.Bytes(), err
}
