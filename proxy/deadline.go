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

func setReadDeadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
}

func setWriteDeadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}
