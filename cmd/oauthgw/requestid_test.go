package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A request has one identifier on its whole way: the provider, the log and
// whoever is refused are told the same one.
func TestRequestID(t *testing.T) {
	long := strings.Repeat("x", 128)
	for name, test := range map[string]struct {
		brought []string
		keeps   bool
	}{
		"none":            {nil, false},
		"a UUID":          {[]string{"7b2ff1a0-83b0-4ae2-9f3a-0d8de4a3ae0b"}, true},
		"a balancer's":    {[]string{"Root=1-67891233-abcdef012345678912345678"}, true},
		"the longest":     {[]string{long}, true},
		"longer":          {[]string{long + "x"}, false},
		"empty":           {[]string{""}, false},
		"two":             {[]string{"a", "b"}, false},
		"a space":         {[]string{"a b"}, false},
		"markup":          {[]string{"<script>"}, false},
		"an end of line":  {[]string{"a\nb"}, false},
		"other alphabets": {[]string{"é"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var provider []string
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				provider = r.Header["X-Request-Id"]
			}))
			defer upstream.Close()
			g := startStoryGateway(t, "", upstream.URL)
			r, err := http.NewRequest("POST", "http://"+g.data+"/oauth2/tokens", strings.NewReader("client_id=app"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			if test.brought != nil {
				r.Header["X-Request-Id"] = test.brought
			}
			// What no client sends by Go's own transport arrives all the same.
			served := httptest.NewRecorder()
			identified(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.URL.Host, r.URL.Scheme, r.RequestURI = g.data, "http", ""
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			})).ServeHTTP(served, r)
			var line struct {
				ID string `json:"request_id"`
			}
			if err := json.Unmarshal([]byte(lineOfExchange(g.stop())), &line); err != nil {
				t.Fatal(err)
			}
			if len(provider) != 1 || provider[0] != line.ID {
				t.Errorf("the provider was told %q, the log %q", provider, line.ID)
			}
			if kept := len(test.brought) > 0 && line.ID == test.brought[0]; kept != test.keeps {
				t.Errorf("%q became %q", test.brought, line.ID)
			}
		})
	}
}

// What a client calls a matter of its own connection goes on to the provider all
// the same, on every path.
func TestRequestIDPassesConnections(t *testing.T) {
	arrived := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived <- r.Header.Get("X-Request-Id") }))
	defer upstream.Close()
	g := startStoryGateway(t, "", upstream.URL)
	for _, path := range []string{"/oauth2/tokens", "/elsewhere"} {
		message := "POST " + path + " HTTP/1.1\nHost: a\nConnection: close, X-Request-Id\nX-Request-Id: one\n" +
			"Content-Type: application/x-www-form-urlencoded\nContent-Length: 13\n\nclient_id=app"
		send(t, g.data, message)
		if id := <-arrived; id != "one" {
			t.Errorf("%s: the provider was told %q", path, id)
		}
	}
}

// Whoever is refused is told under which identifier the log knows of it.
func TestRefusalTellsTheRequestID(t *testing.T) {
	g := startStoryGateway(t, "", "http://127.0.0.1:1")
	for _, path := range []string{"/oauth2/tokens", "/oauth2%2Ftokens", "/elsewhere"} {
		resp, err := http.Get("http://" + g.data + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if id := resp.Header.Get("X-Request-Id"); !madeID.MatchString("X-Request-Id: " + id) {
			t.Errorf("%s: %q", path, id)
		} else {
			defer func() {
				if log := g.stop(); !strings.Contains(log, `"request_id":"`+id+`"`) {
					t.Errorf("the log does not know of %s:\n%s", id, log)
				}
			}()
		}
	}
}

// lineOfExchange returns the line of a log that tells of an exchange.
func lineOfExchange(log string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"msg":"exchange"`) {
			return line
		}
	}
	return ""
}
