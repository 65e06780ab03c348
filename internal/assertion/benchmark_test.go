package assertion_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"testing"
)

// BenchmarkVerify reads, verifies and checks one assertion. Compare ES256 with ecdsa.
func BenchmarkVerify(b *testing.B) {
	keys := all(b)
	for _, s := range []signer{es256, signers[1], signers[5]} {
		compact := s.sign(fmt.Sprintf(`{"alg":%q,"typ":"JWT"}`, s.alg), claims(nil))
		b.Run(s.alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := check(compact, keys, own); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	sum := sha256.Sum256([]byte(issuer))
	signature := must(ecdsa.SignASN1(nil, p256, sum[:]))
	b.Run("ecdsa", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !ecdsa.VerifyASN1(&p256.PublicKey, sum[:], signature) {
				b.Fatal("the signature does not verify")
			}
		}
	})
}
