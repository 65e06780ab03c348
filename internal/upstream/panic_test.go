package upstream

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A panic takes no place with it: else so many of them would shut everyone out.
func TestPanicGivesItsPlaceBack(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := New(Config{Server: u, Connections: 1})
	defer transport.CloseIdleConnections()
	plain, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := plain.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	transport.idle.put(newConnection(panicking{plain}, plain, socket), 1, time.Minute)
	ask := func() (panicked bool, err error) {
		defer func() { panicked = recover() != nil }()
		r, err := http.NewRequest("POST", server.URL, strings.NewReader("code=1"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		return false, err
	}
	if panicked, err := ask(); !panicked {
		t.Fatalf("no panic: %v", err)
	}
	if panicked, err := ask(); panicked || err != nil {
		t.Errorf("panicked %v, %v", panicked, err)
	}
	if _, err := plain.Write(nil); err == nil {
		t.Error("the connection was kept")
	}
}

// panicking is a connection at whose reply the program fails.
type panicking struct{ net.Conn }

// Read implements [io.Reader].
func (panicking) Read([]byte) (int, error) { panic("canary") }
