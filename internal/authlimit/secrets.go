package authlimit

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// secretHash returns a hash of a client id and a secret under a random key, so that hashes of
// likely secrets cannot be prepared. The length separates the two.
func (l *Limiter) secretHash(clientID, secret string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, l.secretKey)
	fmt.Fprintf(mac, "%d:%s%s", len(clientID), clientID, secret)
	return [sha256.Size]byte(mac.Sum(nil))
}

// RememberSecret records that a client succeeded with a secret. A later failure with it that
// cannot be read has another cause, such as an expired code, and need not be counted.
func (l *Limiter) RememberSecret(clientID, secret string) {
	if l != nil {
		l.secrets.Add(l.secretHash(clientID, secret), struct{}{})
	}
}

// KnowsSecret reports whether a client succeeded with a secret and was not rejected since.
func (l *Limiter) KnowsSecret(clientID, secret string) bool {
	if l == nil {
		return false
	}
	_, ok := l.secrets.Get(l.secretHash(clientID, secret))
	return ok
}

// ForgetSecret records that a client was rejected with a secret.
func (l *Limiter) ForgetSecret(clientID, secret string) {
	if l != nil {
		l.secrets.Remove(l.secretHash(clientID, secret))
	}
}
