// Package answered remembers with which status a request was answered.
package answered

import (
	"bufio"
	"net"
	"net/http"
)

// Writer is an answer that passes on. It belongs to one request.
type Writer struct {
	http.ResponseWriter
	// Status is that of the answer. Interim replies (RFC 9110 section 15.2) are
	// none, but the switch of protocols is. Zero means that there was no answer.
	Status int
}

// Of returns an answer that remembers: w itself, if it does already.
func Of(w http.ResponseWriter) *Writer {
	if answer, ok := w.(*Writer); ok {
		return answer
	}
	return &Writer{ResponseWriter: w}
}

// WriteHeader implements [http.ResponseWriter].
func (w *Writer) WriteHeader(status int) {
	if w.Status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (w *Writer) Write(p []byte) (int, error) {
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Hijack implements [http.Hijacker]. A connection is given away to switch
// protocols, and the answer that says so is written past this.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.Status == 0 {
		w.Status = http.StatusSwitchingProtocols
	}
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
