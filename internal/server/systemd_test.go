package server

import "testing"

func TestSocketKey(t *testing.T) {
	const names = "FileDescriptorName= must be listen or admin"
	for _, test := range []struct {
		name      string
		single    bool
		want, err string
	}{
		{"listen", false, "listen", ""},
		{"admin", true, "admin.listen", ""},
		{"LISTEN_FD_3", true, "listen", ""},
		{"oauthgw.socket", true, "listen", ""},
		{"unknown", true, "listen", ""},
		{"unknown", false, "", "systemd passed several sockets, and one without a name: " + names},
		{"metrics", true, "", `systemd passed a socket named "metrics": ` + names},
	} {
		got, err := socketKey(test.name, test.single)
		if text := errorText(err); got != test.want || text != test.err {
			t.Errorf("%s: got %q, %s", test.name, got, text)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
