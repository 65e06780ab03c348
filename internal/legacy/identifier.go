package legacy

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
)

// alphanumeric are the characters of secrets and tokens.
const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newClientID returns a random UUID (RFC 9562 section 5.4).
func newClientID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newSecret returns a client secret, an authorization code, a refresh token or
// a registration access token. The original gives all of them one shape.
func newSecret() string {
	return "coder_" + random(10) + "_" + random(40)
}

// newAccessToken returns an access token, which in the original is the key of
// a user's session and so has a shape of its own.
func newAccessToken() string {
	return random(10) + "-" + random(22)
}

// random returns n random alphanumeric characters.
func random(n int) string {
	text := make([]byte, 0, n)
	var b [64]byte
	for len(text) < n {
		_, _ = rand.Read(b[:]) // never fails
		for _, c := range b {
			// Six bits; the two values beyond the alphabet are drawn again,
			// so that every character is equally likely.
			if i := int(c & 0x3f); i < len(alphanumeric) && len(text) < n {
				text = append(text, alphanumeric[i])
			}
		}
	}
	return string(text)
}

// same reports whether a secret is the expected one, in a time that does not
// tell how much of it is right. Nothing equals an empty secret.
func same(got, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}
