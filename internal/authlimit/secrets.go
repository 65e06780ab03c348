package authlimit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxSecrets bounds the number of remembered secrets. At about 200 bytes each they take less
// than 1 MiB. The one that was used longest ago is evicted first.
const maxSecrets = 1 << 12

// secrets remembers which client succeeded with which secret, as hashes under a random key
// of this process, so that the hashes of likely secrets cannot be prepared.
type secrets struct {
	key    []byte
	hashes *lru.Cache[[sha256.Size]byte, struct{}]
}

func newSecrets() secrets {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key)                                         // never returns an error
	hashes, _ := lru.New[[sha256.Size]byte, struct{}](maxSecrets) // fails for sizes below 1 only
	return secrets{key, hashes}
}

// hash returns the hash of a client id and a secret. The length separates the two.
func (s secrets) hash(clientID, secret string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%d:%s%s", len(clientID), clientID, secret)
	return [sha256.Size]byte(mac.Sum(nil))
}

// RememberSecret records that a client succeeded with a secret. A later failure with it that
// cannot be read has another cause, such as an expired code, and need not be counted.
func (l *Limiter) RememberSecret(clientID, secret string) {
	if l != nil {
		l.secrets.hashes.Add(l.secrets.hash(clientID, secret), struct{}{})
	}
}

// KnowsSecret reports whether a client succeeded with a secret and was not rejected since.
func (l *Limiter) KnowsSecret(clientID, secret string) bool {
	if l == nil {
		return false
	}
	_, ok := l.secrets.hashes.Get(l.secrets.hash(clientID, secret))
	return ok
}

// ForgetSecret records that a client was rejected with a secret.
func (l *Limiter) ForgetSecret(clientID, secret string) {
	if l != nil {
		l.secrets.hashes.Remove(l.secrets.hash(clientID, secret))
	}
}
