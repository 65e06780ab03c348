package upstream

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestRequestsAreForgotten(t *testing.T) {
	r, err := http.NewRequest(http.MethodPost, "http://provider.example/token",
		strings.NewReader("client_id=id&client_secret=canary"))
	if err != nil {
		t.Fatal(err)
	}
	message, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	sent := message.Bytes()
	if !bytes.Contains(sent, []byte("canary")) {
		t.Fatal("the request does not hold its body")
	}
	forget(message)
	if !bytes.Equal(sent, make([]byte, len(sent))) {
		t.Error("the buffer of a request that was sent holds it still")
	}
}
