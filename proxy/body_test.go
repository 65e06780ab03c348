package proxy

import (
	"bytes"
	"testing"
)

func TestBuffersForget(t *testing.T) {
	pool := newBuffers(64)
	buffer := pool.Get()
	copy(buffer, `{"access_token":"canary"}`)
	pool.Put(buffer)
	if !bytes.Equal(buffer, make([]byte, 64)) {
		t.Error("a buffer that was given back holds what was copied through it")
	}
}
