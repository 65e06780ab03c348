package server

import "testing"

func TestSocketKey(t *testing.T) {
	for _, test := range []struct {
		name   string
		single bool
		want   string
	}{
		{"listen", false, "listen"}, {"admin", true, "admin.listen"}, {"LISTEN_FD_3", true, "listen"}, {"oauthgw.socket", true, "listen"},
		{"unknown", true, "listen"}, {"unknown", false, ""}, {"metrics", true, ""},
	} {
		if got, err := socketKey(test.name, test.single); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
}
