package upstream_test

import (
	"fmt"
	"net"
	"net/http"
	"testing"
)

// Whatever a server answers, and however often, it goes on being asked: else a
// client with wrong secrets could have it closed to all others.
func TestAnswersAreNotSilence(t *testing.T) {
	for _, status := range []int{400, 401, 429, 500, 503} {
		s := serve(t, func(w net.Conn, _ *http.Request, _ string) bool {
			fmt.Fprintf(w, "HTTP/1.1 %d Odd\r\nContent-Length: 0\r\n\r\n", status)
			return true
		})
		transport := s.transport(t, nil)
		for i := range 100 {
			if got, _, err := ask(transport, post(t, t.Context(), "code=1")); got != status || err != nil {
				t.Fatalf("after %d answers of %d: got %d %v", i, status, got, err)
			}
		}
	}
}
