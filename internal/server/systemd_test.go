package server

import (
	"fmt"
	"testing"
)

func TestSocketKey(t *testing.T) {
	const names = "FileDescriptorName= must be listen or admin"
	for _, test := range []struct {
		name      string
		single    bool
		want, err string
	}{
		{"listen", false, "listen", "<nil>"},
		{"admin", true, "admin.listen", "<nil>"},
		{"LISTEN_FD_3", true, "listen", "<nil>"},
		{"oauthgw.socket", true, "listen", "<nil>"},
		{"unknown", true, "listen", "<nil>"},
		{"unknown", false, "", `systemd passed a socket named "unknown": ` + names},
		{"metrics", true, "", `systemd passed a socket named "metrics": ` + names},
	} {
		got, err := socketKey(test.name, test.single)
		if got != test.want || fmt.Sprint(err) != test.err {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
}
