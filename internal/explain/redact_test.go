package explain

import "testing"

// TestA183URLsAreShownWithoutSecrets checks that nothing that may be a secret in a URL is
// shown, however the URL is written, and that the rest is.
func TestA183URLsAreShownWithoutSecrets(t *testing.T) {
	for value, want := range map[string]string{
		"https://a.example/cb":                 "https://a.example/cb",
		"urn:ietf:params:oauth:token-type:jwt": "urn:ietf:params:oauth:token-type:jwt",
		"https://a.example?":                   "https://a.example?[redacted]",
		"https://a.example#c4nary?":            "https://a.example#[redacted]",
		"com.example.app:/cb?c4nary":           "com.example.app:/cb?[redacted]",
		"/cb?c4nary":                           "/cb?[redacted]",
		"https://a.example/b?c d=c4nary":       "https://a.example/b?[redacted]",
		"https://a.example/cb;code=c4nary":     "https://a.example/cb;[redacted]",
	} {
		if got := redactURL(value); got != want {
			t.Errorf("%s is shown as %s, want %s", value, got, want)
		}
	}
	for _, value := range []string{
		"https://u:c4nary@a.example/cb?code=c4nary#c4nary", "https://u@c4nary@a.example", "https:c4nary@a.example",
		`https:\\c4nary@a.example\b`, "https://u:c4nary c4nary@a.example", "https://[c4nary@::1", "	https://u:c4nary@a.example",
		"https%3A%2F%2Fu%3Ac4nary%40a.example", "https://u%2540c4nary", "https://u:c4nary%3Fb@a.example",
		"https://a.example/cb%3Fc4nary", "https://a.example/%2523c4nary?b", "https://a.example/cb&code=c4nary",
		"https://a.example/cb%u003fcode=c4nary", `https://a.example/cb\u003fcode=c4nary`, "https://a.example/cb%5Cu003fcode=c4nary",
		"https://u:c4nary&#64;a.example", "https://u:c4nary&commat;a.example", "https://u:c4nary\uff20a.example", "https://u:c4nary%EF%BC%A0a.example",
	} {
		if got := redactURL(value); got != redacted {
			t.Errorf("%s is shown as %s", value, got)
		}
	}
	const value, want = "https://a.example/b?c4nary", "https://a.example/b?[redacted]"
	for _, name := range []string{"Origin", "X-Forwarded-Host"} {
		if got := redactField(name, value); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
