package authlimit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxKnown bounds the secrets that are known; the one that was used longest ago is
// forgotten first. At about 200 bytes each they take less than 1 MiB.
const maxKnown = 1 << 12

// known holds the secrets with which a client last succeeded: not themselves, but a hash
// under a random key that no other process has, so that no list of likely secrets can be
// prepared for it.
type known struct {
	key     []byte
	secrets *lru.Cache[[sha256.Size]byte, struct{}]
}

func newKnown() known {
	secrets, err := lru.New[[sha256.Size]byte, struct{}](maxKnown)
	if err != nil {
		panic(err) // only if the size is not positive
	}
	k := known{key: make([]byte, sha256.Size), secrets: secrets}
	_, _ = rand.Read(k.key) // it never returns an error
	return k
}

// hash returns the hash of a client id and a secret. The length keeps them apart.
func (k known) hash(clientID string, secret string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, k.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(clientID))))
	mac.Write([]byte(clientID))
	mac.Write([]byte(secret))
	mac.Sum(sum[:0])
	return sum
}

// RememberSecret records that a client succeeded with a secret, so that the secret is known and
// sending it again is no guess.
func (f *Limiter) RememberSecret(clientID string, secret string) {
	if f != nil {
		f.known.secrets.Add(f.known.hash(clientID, secret), struct{}{})
	}
}

// KnowsSecret reports whether a client succeeded with a secret and was not rejected with it since.
func (f *Limiter) KnowsSecret(clientID string, secret string) bool {
	if f == nil {
		return false
	}
	_, ok := f.known.secrets.Get(f.known.hash(clientID, secret))
	return ok
}

// ForgetSecret records that a client was rejected with a secret.
func (f *Limiter) ForgetSecret(clientID string, secret string) {
	if f != nil {
		f.known.secrets.Remove(f.known.hash(clientID, secret))
	}
}
