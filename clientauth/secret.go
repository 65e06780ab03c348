package clientauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
)

const redacted = "[redacted]"

// Secret is a value that refuses to be printed: fmt, log/slog, encoding/json and encoders
// of text write a placeholder. In an unexported field fmt calls no method and prints the
// address of the pointer. The zero value is no secret.
type Secret struct{ value *string }

// NewSecret returns s as a secret. An empty s is no secret.
func NewSecret(s string) Secret {
	return secretAt(&s)
}

// secretAt is [NewSecret] of a string that does not change afterwards. It allocates nothing.
func secretAt(s *string) Secret {
	if *s == "" {
		return Secret{}
	}
	return Secret{value: s}
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal compares two secrets in a time that does not depend on their content.
func (s Secret) Equal(t Secret) bool {
	a, b := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(t.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Format implements [fmt.Formatter] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements [encoding.TextMarshaler], which encoding/json and log/slog call.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
