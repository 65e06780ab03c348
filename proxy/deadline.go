package proxy

import (
	"net/http"
	"time"
)

// How long a client may take.
const (
	bodyTimeout     = 10 * time.Second // to send a body to an endpoint, or for one Read of another
	responseTimeout = 10 * time.Second // to receive the response of an endpoint
	writeTimeout    = 30 * time.Second // to receive one write of another response
)

// setReadDeadline limits the time of reading from the client. A writer without a connection
// has no deadline.
func setReadDeadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
}

// clearReadDeadline removes the deadline at the end of a body: net/http goes on reading to
// notice that the client disconnects, and a deadline would look like that.
func clearReadDeadline(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// setWriteDeadline limits the time of writing to the client.
func setWriteDeadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}
