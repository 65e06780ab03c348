package explain

import "testing"

// TestA183URLsAreShownWithoutSecrets checks that nothing that may be a secret in a URL is
// shown, however the URL is written, and that the rest is.
func TestA183URLsAreShownWithoutSecrets(t *testing.T) {
	for value, want := range map[string]string{
		"https://a.example/cb":                             "https://a.example/cb",
		"https://u:c4nary@a.example/cb?code=c4nary#c4nary": "https://[redacted]@a.example/cb?[redacted]",
		"https://a.example#c4nary?":                        "https://a.example#[redacted]",
		"https://a.example?":                               "https://a.example?[redacted]",
		"https://u@c4nary@a.example":                       "https://[redacted]@a.example",
		"https:c4nary@a.example":                           "https:[redacted]@a.example",
		"HTTPS:/c4nary@a.example/":                         "HTTPS:/[redacted]@a.example/",
		`https:\\c4nary@a.example\b`:                       `https:\\[redacted]@a.example\b`,
		"//c4nary@a.example/b":                             "//[redacted]@a.example/b",
		"com.example.app:/cb?c4nary":                       "com.example.app:/cb?[redacted]",
		"/cb?c4nary":                                       "/cb?[redacted]",
		"https%3A%2F%2Fu%3Ac4nary%40a.example":             "[redacted]",
		"https://u%2540c4nary":                             "[redacted]",
		"https://a.example/cb%3Fc4nary":                    "https://a.example/cb%3F[redacted]",
		"https://a.example/cb%253fc4nary":                  "https://a.example/cb%253f[redacted]",
		"https://a.example/%23c4nary?b":                    "https://a.example/%23[redacted]",
		"https://[c4nary@::1":                              "https://[redacted]@::1",
		"https://a.example/b?c d=c4nary":                   "https://a.example/b?[redacted]",
		"https://u:c4nary c4nary@a.example":                "https://[redacted]@a.example",
		"https://a.example/@user/b":                        "https://[redacted]@user/b",
		"	https://u:c4nary@a.example":                      "[redacted]",
		"https:	//u:c4nary@a.example":                      "https:[redacted]@a.example",
		"https://a/https://u:c4nary@b/":                    "https://[redacted]@b/",
		"user@a.example":                                   "user@a.example",
		"https://a.example/cb&code=c4nary":                 "https://a.example/cb&[redacted]",
		"https://a.example/cb;code=c4nary":                 "https://a.example/cb;[redacted]",
		"https://a.example/cb%26code=c4nary":               "https://a.example/cb%26[redacted]",
		"https://a.example/cb%253Bcode=c4nary":             "https://a.example/cb%253B[redacted]",
		"https://u:c4nary&b@a.example":                     "https://[redacted]@a.example",
		"https://u:c4nary?b@a.example":                     "https://[redacted]@a.example",
		"https://u:c4nary%3Fb@a.example":                   "https://[redacted]@a.example",
		"https://u:c4nary%3Fb%40a.example":                 "[redacted]",
		"https://a.example/cb%u003fcode=c4nary":            "[redacted]",
		"https://a.example/cb%25U003fcode=c4nary":          "[redacted]",
		`https://a.example/cb\u003fcode=c4nary`:            "[redacted]",
		`https://a.example/cb\x3fcode=c4nary`:              "[redacted]",
		"https://a.example/cb%5Cu003fcode=c4nary":          "[redacted]",
		"https://u:c4nary&#64;a.example":                   "[redacted]",
		"https://u:c4nary&commat;a.example":                "[redacted]",
		"https://a.example/cb\uff1fcode=c4nary":            "[redacted]",
		"https://u:c4nary\uff20a.example":                  "[redacted]",
		"https://u:c4nary%EF%BC%A0a.example":               "[redacted]",
		"urn:ietf:params:oauth:token-type:jwt":             "urn:ietf:params:oauth:token-type:jwt",
	} {
		if got := redactURL(value); got != want {
			t.Errorf("%s is shown as %s, want %s", value, got, want)
		}
	}
	const value, want = "https://u:c4nary@a.example/b?c4nary", "https://[redacted]@a.example/b?[redacted]"
	if got := redactScope("openid " + value + " e"); got != "openid "+want+" e" {
		t.Errorf("a scope is shown as %s", got)
	}
	for _, name := range []string{"Origin", "X-Forwarded-Host"} {
		if got := redactField(name, value); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
