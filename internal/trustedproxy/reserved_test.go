package trustedproxy

import (
	"net/http"
	"testing"
)

// TestUsualFieldsHaveNoKind checks that the fields that are known to have no kind would have none by
// the beginning of their names either.
func TestUsualFieldsHaveNoKind(t *testing.T) {
	for name, kind := range kinds {
		for i := range name {
			if kind == "" && name[i] == '-' && kinds[name[:i+1]] != "" {
				t.Errorf("%s begins like fields that clients must not set", name)
			}
		}
	}
}

// TestSpellings checks which field CGI programs take another one for.
func TestSpellings(t *testing.T) {
	for name, want := range map[string]string{
		"X-Real-Ip": "X-Real-Ip", "X.real.ip": "X-Real-Ip", "X_real_ip": "X-Real-Ip", "X~real!ip": "X-Real-Ip",
		"Http-X-Real-Ip": "X-Real-Ip", "Http_x_real_ip": "X-Real-Ip", "x-real-ip": "X-Real-Ip", "Content-Type": "Content-Type",
	} {
		if got := cgiName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if override := IsOverride(name); override {
			t.Errorf("%s is no override", name)
		}
	}
	var none Proxies
	header := http.Header{"X.real.ip": {"192.0.2.1"}, "X_method_override": {"GET"}, "Content-Type": {"text/plain"}}
	none.removeReserved(header, &http.Request{Method: http.MethodPost, RemoteAddr: "192.0.2.2:1"})
	if len(header) != 1 || !IsOverride("X_method_override") {
		t.Errorf("left: %v", header)
	}
}
